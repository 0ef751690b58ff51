package main

import (
	"crypto/sha3"
	"encoding/binary"
)

const (
	// period is the length after which the test stream repeats. It is a
	// prime, so no power-of-two slip of the data can go unseen.
	period = 1000003

	// sessionShift is how many bytes further into the stream each session of
	// a client begins than the one before it.
	sessionShift = 7919
)

// A pattern is the test stream of one seed: the first period bytes of
// SHAKE128(seed as a u64, little-endian), over and over.
type pattern struct {
	data []byte // one period and as much of the next as the largest take
}

func newPattern(seed uint64, largest int) *pattern {
	var name [8]byte
	binary.LittleEndian.PutUint64(name[:], seed)
	data := make([]byte, period, period+largest)
	h := sha3.NewSHAKE128()
	h.Write(name[:])
	h.Read(data)
	for len(data) < cap(data) {
		data = append(data, data[:min(period, cap(data)-len(data))]...)
	}
	return &pattern{data}
}

// A cursor walks along a pattern.
type cursor struct {
	*pattern
	at int
}

// from returns a cursor for the session of this number.
func (p *pattern) from(session int) *cursor {
	return &cursor{p, session * sessionShift % period}
}

// take returns the next n bytes, which the caller must not change.
func (c *cursor) take(n int) []byte {
	b := c.data[c.at : c.at+n]
	c.at = (c.at + n) % period
	return b
}
