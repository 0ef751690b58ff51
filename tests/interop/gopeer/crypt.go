package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"slices"
	"sync"

	kcp "github.com/xtaci/kcp-go/v5"
	"golang.org/x/crypto/chacha20poly1305"
)

// A cipherKind says how one name of -crypt is made; null is not made at all.
type cipherKind struct {
	keySize int // 0: no key; anyKey: as long as it comes
	block   func(key []byte) (kcp.BlockCrypt, error)
	aead    func(key []byte) (cipher.AEAD, error) // the same without kcp-go, if it is one
}

const anyKey = -1

var ciphers = map[string]cipherKind{
	"null":     {},
	"none":     {block: kcp.NewNoneBlockCrypt},
	"aes":      {keySize: 32, block: kcp.NewAESBlockCrypt},
	"aes-192":  {keySize: 24, block: kcp.NewAESBlockCrypt},
	"aes-128":  {keySize: 16, block: kcp.NewAESBlockCrypt},
	"sm4":      {keySize: 16, block: newSM4},
	"twofish":  {keySize: 32, block: kcp.NewTwofishBlockCrypt},
	"3des":     {keySize: 24, block: kcp.NewTripleDESBlockCrypt},
	"blowfish": {keySize: 32, block: kcp.NewBlowfishBlockCrypt},
	"cast5":    {keySize: 16, block: kcp.NewCast5BlockCrypt},
	"tea":      {keySize: 16, block: kcp.NewTEABlockCrypt},
	"xtea":     {keySize: 16, block: kcp.NewXTEABlockCrypt},
	"salsa20":  {keySize: 32, block: kcp.NewSalsa20BlockCrypt},
	"xor":      {keySize: anyKey, block: kcp.NewSimpleXORBlockCrypt},

	"aes-128-gcm":       {keySize: 16, block: kcp.NewAESGCMCrypt, aead: newGCM},
	"aes-192-gcm":       {keySize: 24, block: kcp.NewAESGCMCrypt, aead: newGCM},
	"aes-256-gcm":       {keySize: 32, block: kcp.NewAESGCMCrypt, aead: newGCM},
	"chacha20-poly1305": {keySize: 32, block: newChaCha20Poly1305, aead: chacha20poly1305.New},
}

func cipherNames() []string {
	var names []string
	for name := range ciphers {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func newChaCha20Poly1305(key []byte) (kcp.BlockCrypt, error) {
	aead, err := chacha20poly1305.New(key)
	if err != nil {
		return nil, err
	}
	return kcp.NewAEADCrypt(aead), nil
}

// derivedKey turns a passphrase into the 32 bytes that kcptun makes of it.
func derivedKey(passphrase string) ([]byte, error) {
	return pbkdf2.Key(sha1.New, passphrase, []byte("kcp-go"), 4096, 32)
}

// key returns the key that the command line gives for this cipher.
func (k cipherKind) key(c *config) ([]byte, error) {
	if k.keySize == 0 {
		return nil, nil
	}
	if c.rawKey != "" {
		key, err := hex.DecodeString(c.rawKey)
		if err != nil {
			return nil, fmt.Errorf("-rawkey: %v", err)
		}
		if k.keySize != anyKey && len(key) != k.keySize {
			return nil, fmt.Errorf("-rawkey has %d bytes, %s takes %d", len(key), c.crypt, k.keySize)
		}
		return key, nil
	}
	if c.key == "" {
		return nil, fmt.Errorf("-crypt %s needs -key or -rawkey", c.crypt)
	}
	key, err := derivedKey(c.key)
	if err != nil {
		return nil, err
	}
	if k.keySize != anyKey {
		key = key[:k.keySize]
	}
	return key, nil
}

// A lockedBlock lets sessions take turns with a cipher that they cannot use at
// the same time.
type lockedBlock struct {
	mu    sync.Mutex
	block kcp.BlockCrypt
}

// newSM4 makes SM4 safe to share, as kcp-go's other ciphers are: two sessions
// of one listener that use it at the same time spoil each other's packets.
func newSM4(key []byte) (kcp.BlockCrypt, error) {
	block, err := kcp.NewSM4BlockCrypt(key)
	return &lockedBlock{block: block}, err
}

func (l *lockedBlock) Encrypt(dst, src []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.block.Encrypt(dst, src)
}

func (l *lockedBlock) Decrypt(dst, src []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.block.Decrypt(dst, src)
}
