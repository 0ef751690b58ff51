package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	kcp "github.com/xtaci/kcp-go/v5"
)

// An event is a line of JSON about one session of a caller.
type event struct {
	Event   string `json:"event"`
	Session int    `json:"session"`
	Port    int    `json:"port"`
	Answers int    `json:"answers"`
}

// A caller calls an echo server on one session after the other.
type caller struct {
	*config
	w     *wire
	ended chan struct{}
}

func runCaller(c *config, w *wire) error {
	r := &caller{c, w, make(chan struct{})}
	go func() {
		io.Copy(io.Discard, os.Stdin)
		close(r.ended)
	}()
	var local *net.UDPAddr
	for number := 1; ; number++ {
		conn, s, err := w.connectFrom(local)
		if err != nil {
			return err
		}
		own := conn.LocalAddr().(*net.UDPAddr)
		e := event{Session: number, Port: own.Port}
		over, err := r.call(s, &e)
		s.Close()
		conn.Close()
		if over || err != nil {
			return err
		}
		if c.samePort {
			local = own
		}
	}
}

// call goes on until standard input ends, an answer is late, or there were
// enough of them. It tells whether it is the first of these.
func (r *caller) call(s *kcp.UDPSession, e *event) (bool, error) {
	balls := newPattern(r.seed, r.size).from(0)
	back := make([]byte, r.size)
	for e.Answers < r.count {
		ball := balls.take(r.size)
		if _, err := s.Write(ball); err != nil {
			return false, err
		}
		s.SetReadDeadline(time.Now().Add(seconds(r.patience)))
		if _, err := io.ReadFull(s, back); err != nil {
			e.tell("late")
			return false, nil
		}
		if !bytes.Equal(ball, back) {
			return false, fmt.Errorf("session %d: %w", e.Session, errWrong)
		}
		e.Answers++
		if e.Answers == 1 {
			e.tell("answered")
		}
		select {
		case <-r.ended:
			e.tell("over")
			return true, nil
		case <-time.After(seconds(r.pause)):
		}
	}
	e.tell("enough")
	return false, nil
}

func (e *event) tell(what string) {
	e.Event = what
	printJSON(os.Stdout, e)
}
