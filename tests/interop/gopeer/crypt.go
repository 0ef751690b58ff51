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

// A cipherKind says how one name of -crypt is made. One of block and aead is
// set, or neither for null.
type cipherKind struct {
	keySize int // 0: no key; anyKey: as long as it comes
	block   func(key []byte) (kcp.BlockCrypt, error)
	aead    func(key []byte) (cipher.AEAD, error)
}

const anyKey = -1

var ciphers = map[string]cipherKind{
	"null":     {},
	"none":     {block: kcp.NewNoneBlockCrypt},
	"aes":      {keySize: 32, block: kcp.NewAESBlockCrypt},
	"aes-192":  {keySize: 24, block: kcp.NewAESBlockCrypt},
	"aes-128":  {keySize: 16, block: kcp.NewAESBlockCrypt},
	"sm4":      {keySize: 16, block: kcp.NewSM4BlockCrypt},
	"twofish":  {keySize: 32, block: kcp.NewTwofishBlockCrypt},
	"3des":     {keySize: 24, block: kcp.NewTripleDESBlockCrypt},
	"blowfish": {keySize: 32, block: kcp.NewBlowfishBlockCrypt},
	"cast5":    {keySize: 16, block: kcp.NewCast5BlockCrypt},
	"tea":      {keySize: 16, block: kcp.NewTEABlockCrypt},
	"xtea":     {keySize: 16, block: kcp.NewXTEABlockCrypt},
	"salsa20":  {keySize: 32, block: kcp.NewSalsa20BlockCrypt},
	"xor":      {keySize: anyKey, block: kcp.NewSimpleXORBlockCrypt},

	"aes-128-gcm":       {keySize: 16, aead: newGCM},
	"aes-192-gcm":       {keySize: 24, aead: newGCM},
	"aes-256-gcm":       {keySize: 32, aead: newGCM},
	"chacha20-poly1305": {keySize: 32, aead: chacha20poly1305.New},
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

// A sharedBlock lets many sessions use one cipher at the same time. kcp-go's
// block ciphers each keep one scratch buffer, and a listener hands the same
// object to all its sessions, which encrypt in parallel: they would spoil each
// other's packets. So every call gets an object of its own from a pool.
type sharedBlock struct {
	pool sync.Pool
}

func newSharedBlock(key []byte, make func([]byte) (kcp.BlockCrypt, error)) (*sharedBlock, error) {
	first, err := make(key)
	if err != nil {
		return nil, err
	}
	s := new(sharedBlock)
	s.pool.New = func() any {
		block, err := make(key)
		if err != nil {
			panic(err) // the same key was good before
		}
		return block
	}
	s.pool.Put(first)
	return s, nil
}

func (s *sharedBlock) Encrypt(dst, src []byte) {
	block := s.pool.Get().(kcp.BlockCrypt)
	block.Encrypt(dst, src)
	s.pool.Put(block)
}

func (s *sharedBlock) Decrypt(dst, src []byte) {
	block := s.pool.Get().(kcp.BlockCrypt)
	block.Decrypt(dst, src)
	s.pool.Put(block)
}
