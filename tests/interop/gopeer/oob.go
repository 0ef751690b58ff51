package main

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"os"
	"time"
)

// Out-of-band datagrams, which kcp-go has known only since a later version
// than ours. So they are made and read here, inside kcp-go's own ciphers:
//
//	seqid u32  0xffffffff
//	type u16   0xf3
//	size u16   of itself and what follows
//	conv u32
//	payload
const (
	oobSeqid  = 0xffffffff
	oobType   = 0xf3
	oobHeader = 12
	oobConv   = 0x6f6f6200

	nonceSize   = 16
	cryptHeader = nonceSize + 4

	// oobPatience is how long a client waits for each answer.
	oobPatience = 5 * time.Second
)

func packOOB(conv uint32, payload []byte) []byte {
	p := binary.LittleEndian.AppendUint32(nil, oobSeqid)
	p = binary.LittleEndian.AppendUint16(p, oobType)
	p = binary.LittleEndian.AppendUint16(p, uint16(2+4+len(payload)))
	p = binary.LittleEndian.AppendUint32(p, conv)
	return append(p, payload...)
}

// unpackOOB tells whether p is an out-of-band datagram, whole and without
// anything behind it, and what it holds.
func unpackOOB(p []byte) (conv uint32, payload []byte, ok bool) {
	if len(p) < oobHeader ||
		binary.LittleEndian.Uint32(p) != oobSeqid ||
		binary.LittleEndian.Uint16(p[4:]) != oobType ||
		int(binary.LittleEndian.Uint16(p[6:])) != len(p)-6 {
		return 0, nil, false
	}
	return binary.LittleEndian.Uint32(p[8:]), p[oobHeader:], true
}

// frame puts nonce, checksum and cipher around p, as kcp-go's sess.go does.
// An AEAD is the socket's own.
func (w *wire) frame(p []byte) []byte {
	if w.block == nil {
		return p
	}
	framed := make([]byte, cryptHeader, cryptHeader+len(p))
	rand.Read(framed[:nonceSize])
	binary.LittleEndian.PutUint32(framed[nonceSize:], crc32.ChecksumIEEE(p))
	framed = append(framed, p...)
	w.block.Encrypt(framed, framed)
	return framed
}

// unframe undoes frame, and tells whether the checksum is right.
func (w *wire) unframe(p []byte) ([]byte, bool) {
	if w.block == nil {
		return p, true
	}
	if len(p) < cryptHeader {
		return nil, false
	}
	w.block.Decrypt(p, p)
	sum := binary.LittleEndian.Uint32(p[nonceSize:])
	return p[cryptHeader:], sum == crc32.ChecksumIEEE(p[cryptHeader:])
}

// receiveOOB returns the next out-of-band datagram; others are passed over.
func (w *wire) receiveOOB(conn net.PacketConn, buf []byte) (uint32, []byte, net.Addr, error) {
	for {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			return 0, nil, nil, err
		}
		if p, ok := w.unframe(buf[:n]); ok {
			if conv, payload, ok := unpackOOB(p); ok {
				return conv, payload, from, nil
			}
		}
	}
}

// serveOOB sends out-of-band datagrams back to where they come from.
func serveOOB(c *config, w *wire) error {
	addr, err := net.ResolveUDPAddr("udp", c.listen)
	if err != nil {
		return err
	}
	conn, err := w.socket("udp", addr)
	if err != nil {
		return err
	}
	fmt.Printf("listening %s\n", conn.LocalAddr())
	ended := make(chan error, 1)
	if c.stdin {
		go func() {
			io.Copy(io.Discard, os.Stdin)
			ended <- nil
		}()
	}
	go func() {
		buf := make([]byte, maxDatagram)
		for {
			conv, payload, from, err := w.receiveOOB(conn, buf)
			if err == nil {
				_, err = conn.WriteTo(w.frame(packOOB(conv, payload)), from)
			}
			if err != nil {
				ended <- err
				return
			}
		}
	}()
	return <-ended
}

// dialOOB sends one with nothing in it, one with a byte and one with -size
// bytes, and wants each back before it sends the next.
func dialOOB(c *config, w *wire) error {
	addr, err := net.ResolveUDPAddr("udp", c.dial)
	if err != nil {
		return err
	}
	conn, err := w.socket("udp", nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	data := newPattern(c.seed, c.size).from(0)
	buf := make([]byte, maxDatagram)
	sizes := []int{0, 1, c.size}
	for _, size := range sizes {
		sent := data.take(size)
		if _, err := conn.WriteTo(w.frame(packOOB(oobConv, sent)), addr); err != nil {
			return err
		}
		conn.SetReadDeadline(time.Now().Add(oobPatience))
		conv, payload, _, err := w.receiveOOB(conn, buf)
		if err != nil {
			return err
		}
		if conv != oobConv || !bytes.Equal(payload, sent) {
			return errors.New("the answer is another datagram than the one sent")
		}
	}
	printJSON(os.Stdout, &result{Role: c.role, Messages: len(sizes), Size: c.size})
	return nil
}
