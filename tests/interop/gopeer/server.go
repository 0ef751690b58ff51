package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	kcp "github.com/xtaci/kcp-go/v5"
)

// readSize is the room for one read; kcp-go never gives more than a message.
const readSize = 65536

// runServer serves until the listener fails or, if so wanted, standard input
// ends. It then prints what the process has used.
func runServer(c *config, w *wire) error {
	var handle func(net.Conn) error
	report := func() any { return used() }
	switch c.role {
	case "echo":
		handle = serveEcho
	case "sink":
		handle = serveSink
	case "oob":
		handle = serveEcho
	case "half":
		handle = serveHalf
	case "meter":
		m := newMeter(c.bytes)
		handle, report = m.serve, func() any { return m.report() }
	case "source":
		data := newPattern(c.seed, c.chunk)
		handle = func(s net.Conn) error { return serveSource(s, data, c.chunk) }
	default:
		fail(exitUsage, fmt.Errorf("no role %q for a server", c.role))
	}
	if c.smux > 0 {
		return runSmuxServer(c, w, handle, report)
	}
	listener, err := w.serve()
	if err != nil {
		return err
	}
	fmt.Printf("listening %s\n", listener.Addr())

	ended := make(chan error, 1)
	if c.stdin {
		go func() {
			io.Copy(io.Discard, os.Stdin)
			ended <- nil
		}()
	}
	go func() {
		ended <- w.accept(listener, func(s *kcp.UDPSession) error {
			if c.role == "oob" {
				return returnOOB(s)
			}
			return nil
		}, handle)
	}()
	err = <-ended
	printJSON(os.Stdout, report())
	return err
}

// runBoth is the client of a server of its own.
func runBoth(c *config, w *wire) error {
	handle := serveEcho
	if c.role == "sink" {
		handle = serveSink
	}
	listener, err := w.serve()
	if err != nil {
		return err
	}
	c.dial = listener.Addr().String()
	go w.accept(listener, func(*kcp.UDPSession) error { return nil }, handle)
	return runClient(c, w)
}

// accept gives each session of a listener to begin, and then to handle in a
// goroutine of its own, until the listener or begin fails.
func (w *wire) accept(listener *kcp.Listener, begin func(*kcp.UDPSession) error, handle func(net.Conn) error) error {
	for {
		s, err := listener.AcceptKCP()
		if err != nil {
			return err
		}
		w.tune(s)
		if err := begin(s); err != nil {
			return err
		}
		go func() {
			defer s.Close()
			handle(&watchedConn{s, seconds(w.sessionMax)})
		}()
	}
}

// A watchedConn gives every read and every write so much time, 0 for no end.
// It is for one goroutine.
type watchedConn struct {
	net.Conn
	limit time.Duration
}

func (w *watchedConn) Read(p []byte) (int, error) {
	if w.limit > 0 {
		w.SetReadDeadline(time.Now().Add(w.limit))
	}
	return w.Conn.Read(p)
}

func (w *watchedConn) Write(p []byte) (int, error) {
	if w.limit > 0 {
		w.SetWriteDeadline(time.Now().Add(w.limit))
	}
	return w.Conn.Write(p)
}

func serveEcho(s net.Conn) error {
	buf := make([]byte, readSize)
	for {
		n, err := s.Read(buf)
		if err != nil {
			return err
		}
		if _, err := s.Write(buf[:n]); err != nil {
			return err
		}
	}
}

func serveSink(s net.Conn) error {
	buf := make([]byte, readSize)
	for {
		want, err := readCount(s)
		if err != nil {
			return err
		}
		got, took, err := drain(s, buf, want, nil)
		if err != nil {
			return err
		}
		answer := binary.LittleEndian.AppendUint64(nil, got)
		answer = binary.LittleEndian.AppendUint64(answer, uint64(took.Nanoseconds()))
		if _, err := s.Write(answer); err != nil {
			return err
		}
	}
}

func serveSource(s net.Conn, data *pattern, chunk int) error {
	for {
		want, err := readCount(s)
		if err != nil {
			return err
		}
		if err := send(s, data.from(0), want, chunk); err != nil {
			return err
		}
	}
}

func readCount(s net.Conn) (uint64, error) {
	var count [8]byte
	_, err := io.ReadFull(s, count[:])
	return binary.LittleEndian.Uint64(count[:]), err
}

func writeCount(s net.Conn, count uint64) error {
	_, err := s.Write(binary.LittleEndian.AppendUint64(nil, count))
	return err
}

// drain reads count bytes through buf, gives each piece to look if there is
// one, and tells how many came and how long the last came after the first.
func drain(s net.Conn, buf []byte, count uint64, look func([]byte) error) (uint64, time.Duration, error) {
	var first, last time.Time
	var got uint64
	for got < count {
		n, err := s.Read(buf[:min(uint64(len(buf)), count-got)])
		if err != nil {
			return got, 0, err
		}
		if got == 0 {
			first = time.Now()
		}
		got += uint64(n)
		if got == count {
			last = time.Now()
		}
		if look != nil {
			if err := look(buf[:n]); err != nil {
				return got, 0, fmt.Errorf("in the %d bytes before byte %d: %w", n, got, err)
			}
		}
	}
	return got, last.Sub(first), nil
}

// send writes count bytes of the test stream.
func send(s net.Conn, data *cursor, count uint64, chunk int) error {
	for count > 0 {
		n := min(uint64(chunk), count)
		if _, err := s.Write(data.take(int(n))); err != nil {
			return err
		}
		count -= n
	}
	return nil
}
