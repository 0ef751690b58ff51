package main

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"net"
	"slices"
	"sync"
	"time"
)

// A stopwatch gathers times of many sessions.
type stopwatch struct {
	mu  sync.Mutex
	all []time.Duration
}

func (w *stopwatch) add(times []time.Duration) {
	w.mu.Lock()
	w.all = append(w.all, times...)
	w.mu.Unlock()
}

// result sums up the times of messages of so many bytes each. There is at
// least one.
func (w *stopwatch) result(elapsed time.Duration, size int) *result {
	all := w.all
	slices.Sort(all)
	return &result{
		Seconds:           elapsed.Seconds(),
		Messages:          len(all),
		Size:              size,
		P50:               microseconds(all[len(all)/2]),
		P99:               microseconds(all[len(all)*99/100]),
		P999:              microseconds(all[len(all)*999/1000]),
		Max:               microseconds(all[len(all)-1]),
		MessagesPerSecond: float64(len(all)) / elapsed.Seconds(),
	}
}

func microseconds(d time.Duration) float64 {
	return float64(d.Nanoseconds()) / 1000
}

// roundTrip sends a message and waits for its echo, for which buf has room.
func roundTrip(s net.Conn, ball, buf []byte) error {
	if _, err := s.Write(ball); err != nil {
		return err
	}
	return echoed(s, ball, buf)
}

// echoed waits for the echo of a message.
func echoed(s net.Conn, ball, buf []byte) error {
	if _, err := io.ReadFull(s, buf); err != nil {
		return err
	}
	if !bytes.Equal(ball, buf) {
		return errWrong
	}
	return nil
}

// warmUp makes a first round trip of each session, so that all are there.
func warmUp(c *config, sessions []net.Conn, data *pattern) error {
	err := each(sessions, opening, func(i int, s net.Conn) error {
		return roundTrip(s, data.from(i).take(c.size), make([]byte, c.size))
	})
	if err == nil {
		c.tellReady()
	}
	return err
}

func clientPingPong(c *config, sessions []net.Conn) (*result, error) {
	data := newPattern(c.seed, c.size)
	if err := warmUp(c, sessions, data); err != nil {
		return nil, err
	}
	var watch stopwatch
	start := time.Now()
	err := each(sessions, len(sessions), func(i int, s net.Conn) error {
		balls := data.from(i)
		buf := make([]byte, c.size)
		took := make([]time.Duration, c.count)
		for k := range took {
			ball := balls.take(c.size)
			began := time.Now()
			if err := roundTrip(s, ball, buf); err != nil {
				return err
			}
			took[k] = time.Since(began)
		}
		watch.add(took)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return watch.result(time.Since(start), c.size), nil
}

// clientPaced sends -rate messages a second on each session, for -seconds,
// whether or not earlier ones have been answered. The messages of all
// sessions together are spread evenly over time. A message's latency counts
// from when it was due, so a sender that is held up does not look fast. What
// is not answered -patience after the last message was due is lost.
func clientPaced(c *config, sessions []net.Conn) (*result, error) {
	data := newPattern(c.seed, c.size)
	if err := warmUp(c, sessions, data); err != nil {
		return nil, err
	}
	period := time.Duration(float64(time.Second) / c.rate)
	count := max(int(math.Round(c.seconds*c.rate)), 1)
	var watch stopwatch
	start := time.Now()
	err := each(sessions, len(sessions), func(i int, s net.Conn) error {
		first := start.Add(period * time.Duration(i) / time.Duration(len(sessions)))
		due := func(k int) time.Time { return first.Add(period * time.Duration(k)) }
		sent := make(chan error, 1)
		go func() {
			balls := data.from(i)
			for k := range count {
				time.Sleep(time.Until(due(k)))
				if _, err := s.Write(balls.take(c.size)); err != nil {
					sent <- err
					return
				}
			}
			sent <- nil
		}()
		deadline := due(count - 1).Add(seconds(c.patience))
		s.SetDeadline(deadline)
		balls := data.from(i)
		buf := make([]byte, c.size)
		took := make([]time.Duration, 0, count)
		for k := range count {
			if err := echoed(s, balls.take(c.size), buf); err != nil {
				if time.Now().Before(deadline) {
					return err
				}
				break // what has no answer by now is lost
			}
			took = append(took, time.Since(due(k)))
		}
		watch.add(took)
		return <-sent
	})
	if err != nil {
		return nil, err
	}
	lost := count*len(sessions) - len(watch.all)
	if len(watch.all) == 0 {
		return nil, fmt.Errorf("no answer to any of %d messages", lost)
	}
	r := watch.result(time.Since(start), c.size)
	r.Lost = &lost
	return r, nil
}
