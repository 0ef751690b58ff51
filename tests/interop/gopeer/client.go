package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"os"
	"slices"
	"time"
)

// A result is the line of JSON at the end. What is counted is the sum over
// all sessions, what is timed the longest of them, and the hash is that of
// the first session. The usage is that of this process so far.
type result struct {
	Role              string  `json:"role"`
	Sessions          int     `json:"sessions"`
	Bytes             int64   `json:"bytes,omitempty"`
	Seconds           float64 `json:"seconds"`
	SHA256            string  `json:"sha256,omitempty"`
	Messages          int     `json:"messages,omitempty"`
	Size              int     `json:"size,omitempty"`
	P50               float64 `json:"p50_us,omitempty"`
	P99               float64 `json:"p99_us,omitempty"`
	P999              float64 `json:"p999_us,omitempty"`
	Max               float64 `json:"max_us,omitempty"`
	MessagesPerSecond float64 `json:"messages_per_second,omitempty"`
	Lost              *int    `json:"lost,omitempty"`
	usage
}

var errWrong = errors.New("wrong bytes")

// opening is how many sessions are opened at once; a listener of kcp-go
// ignores newcomers when 128 wait to be accepted.
const opening = 64

func runClient(c *config, w *wire) error {
	if c.role == "connects" {
		return runConnects(c, w)
	}
	var run func(*config, []net.Conn) (*result, error)
	switch c.role {
	case "echo":
		run = clientEcho
	case "sink":
		run = clientSink
	case "source":
		run = clientSource
	case "pingpong":
		run = clientPingPong
	case "paced":
		run = clientPaced
	case "idle":
		run = clientIdle
	case "oob":
		run = clientOOB
	case "half":
		run = clientHalf
	case "stalled":
		run = clientStalled
	default:
		fail(exitUsage, fmt.Errorf("no role %q for a client", c.role))
	}
	sessions := make([]net.Conn, c.sessions)
	connect := func() (net.Conn, error) { return w.connect() }
	if c.smux > 0 {
		m, err := w.multiplex()
		if err != nil {
			return err
		}
		defer m.Close()
		connect = func() (net.Conn, error) { return m.OpenStream() }
	}
	for i := range sessions {
		s, err := connect()
		if err != nil {
			return err
		}
		defer s.Close()
		sessions[i] = s
	}
	r, err := run(c, sessions)
	if err != nil {
		return err
	}
	if err := linger(c, sessions); err != nil {
		return err
	}
	r.Role = c.role
	r.Sessions = c.sessions
	r.usage = used()
	printJSON(os.Stdout, r)
	return nil
}

// tellReady tells, if it is wanted, that what is timed is about to begin.
func (c *config) tellReady() {
	if c.ready {
		fmt.Println("ready")
	}
}

// linger leaves kcp-go time for the last ACKs and sees that no session gets
// more than it should.
func linger(c *config, sessions []net.Conn) error {
	until := time.Now().Add(seconds(c.linger))
	return each(sessions, len(sessions), func(i int, s net.Conn) error {
		s.SetReadDeadline(until)
		if n, _ := s.Read(make([]byte, readSize)); n > 0 {
			return fmt.Errorf("session %d: %d bytes more than expected", i, n)
		}
		return nil
	})
}

// each calls do for every session, that many at once, and returns the first
// error as soon as there is one.
func each(sessions []net.Conn, atOnce int, do func(int, net.Conn) error) error {
	todo := make(chan int, len(sessions))
	for i := range sessions {
		todo <- i
	}
	close(todo)
	outcome := make(chan error, len(sessions))
	for range atOnce {
		go func() {
			for i := range todo {
				outcome <- do(i, sessions[i])
			}
		}()
	}
	for range sessions {
		if err := <-outcome; err != nil {
			return err
		}
	}
	return nil
}

// A checker compares what comes with the test stream and hashes it.
type checker struct {
	expected *cursor // nil: anything goes
	digest   hash.Hash
}

func (k *checker) look(p []byte) error {
	k.digest.Write(p)
	if k.expected != nil && !bytes.Equal(p, k.expected.take(len(p))) {
		return errWrong
	}
	return nil
}

func (k *checker) sum() string {
	return hex.EncodeToString(k.digest.Sum(nil))
}

func clientEcho(c *config, sessions []net.Conn) (*result, error) {
	data := newPattern(c.seed, max(c.chunk, readSize))
	sum := ""
	c.tellReady()
	start := time.Now()
	err := each(sessions, len(sessions), func(i int, s net.Conn) error {
		sent := make(chan error, 1)
		go func() { sent <- send(s, data.from(i), uint64(c.bytes), c.chunk) }()
		check := &checker{data.from(i), sha256.New()}
		if _, _, err := drain(s, make([]byte, readSize), uint64(c.bytes), check.look); err != nil {
			return err
		}
		if i == 0 {
			sum = check.sum()
		}
		return <-sent
	})
	if err != nil {
		return nil, err
	}
	took := time.Since(start).Seconds()
	return &result{Bytes: c.bytes * int64(c.sessions), Seconds: took, SHA256: sum}, nil
}

func clientSink(c *config, sessions []net.Conn) (*result, error) {
	data := newPattern(c.seed, c.chunk)
	took := make([]float64, len(sessions))
	c.tellReady()
	err := each(sessions, len(sessions), func(i int, s net.Conn) error {
		if err := writeCount(s, uint64(c.bytes)); err != nil {
			return err
		}
		if err := send(s, data.from(i), uint64(c.bytes), c.chunk); err != nil {
			return err
		}
		var answer [16]byte
		if _, err := io.ReadFull(s, answer[:]); err != nil {
			return err
		}
		if counted := binary.LittleEndian.Uint64(answer[:]); counted != uint64(c.bytes) {
			return fmt.Errorf("the server counted %d bytes of %d", counted, c.bytes)
		}
		took[i] = time.Duration(binary.LittleEndian.Uint64(answer[8:])).Seconds()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &result{Bytes: c.bytes * int64(c.sessions), Seconds: slices.Max(took)}, nil
}

func clientSource(c *config, sessions []net.Conn) (*result, error) {
	data := newPattern(c.seed, readSize)
	took := make([]float64, len(sessions))
	c.tellReady()
	sum := ""
	err := each(sessions, len(sessions), func(i int, s net.Conn) error {
		if err := writeCount(s, uint64(c.bytes)); err != nil {
			return err
		}
		check := &checker{nil, sha256.New()}
		if c.seedSet {
			check.expected = data.from(0)
		}
		_, t, err := drain(s, make([]byte, readSize), uint64(c.bytes), check.look)
		took[i] = t.Seconds()
		if i == 0 {
			sum = check.sum()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &result{Bytes: c.bytes * int64(c.sessions), Seconds: slices.Max(took), SHA256: sum}, nil
}

func clientIdle(c *config, sessions []net.Conn) (*result, error) {
	err := each(sessions, opening, func(i int, s net.Conn) error {
		ball := []byte{byte(i)}
		if _, err := s.Write(ball); err != nil {
			return err
		}
		var back [1]byte
		if _, err := io.ReadFull(s, back[:]); err != nil {
			return err
		}
		if back[0] != ball[0] {
			return errWrong
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	fmt.Println("ready")
	start := time.Now()
	io.Copy(io.Discard, os.Stdin)
	return &result{Seconds: time.Since(start).Seconds()}, nil
}
