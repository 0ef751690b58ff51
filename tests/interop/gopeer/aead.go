package main

import (
	"crypto/cipher"
	"crypto/rand"
	"net"
	"sync"
)

// maxDatagram is more than any datagram of ours has.
const maxDatagram = 2048

var datagrams = sync.Pool{New: func() any { return new([maxDatagram]byte) }}

// A sealedConn is a packet connection whose datagrams are sealed by an AEAD:
// a random nonce, the ciphertext, the tag. It stands below kcp-go, whose
// version 5.6 knows no AEAD of its own.
type sealedConn struct {
	net.PacketConn
	aead cipher.AEAD
}

func sealOverhead(aead cipher.AEAD) int {
	return aead.NonceSize() + aead.Overhead()
}

func (s *sealedConn) WriteTo(p []byte, addr net.Addr) (int, error) {
	buf := datagrams.Get().(*[maxDatagram]byte)
	defer datagrams.Put(buf)
	nonce := buf[:s.aead.NonceSize()]
	if _, err := rand.Read(nonce); err != nil {
		return 0, err
	}
	if _, err := s.PacketConn.WriteTo(s.aead.Seal(nonce, nonce, p, nil), addr); err != nil {
		return 0, err
	}
	return len(p), nil
}

// ReadFrom returns the next datagram that opens and fits; others are dropped.
func (s *sealedConn) ReadFrom(p []byte) (int, net.Addr, error) {
	buf := datagrams.Get().(*[maxDatagram]byte)
	defer datagrams.Put(buf)
	for {
		n, addr, err := s.PacketConn.ReadFrom(buf[:])
		if err != nil {
			return 0, addr, err
		}
		if n < sealOverhead(s.aead) {
			continue
		}
		sealed := buf[s.aead.NonceSize():n]
		plain, err := s.aead.Open(sealed[:0], buf[:s.aead.NonceSize()], sealed, nil)
		if err != nil || len(plain) > len(p) {
			continue
		}
		return copy(p, plain), addr, nil
	}
}
