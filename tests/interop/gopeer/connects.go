package main

import (
	"os"
	"time"
)

// runConnects dials -count times, -sessions at once. Each session has one byte
// come back from an echo server, and is closed. kcp-go tells the server nothing
// of that.
func runConnects(c *config, w *wire) error {
	c.tellReady()
	start := time.Now()
	todo := make(chan int, c.count)
	for i := range c.count {
		todo <- i
	}
	close(todo)
	outcome := make(chan error, c.sessions)
	var watch stopwatch
	for range c.sessions {
		go func() {
			var took []time.Duration
			var problem error
			for i := range todo {
				began := time.Now()
				if problem = connectOnce(w, byte(i)); problem != nil {
					break
				}
				took = append(took, time.Since(began))
			}
			watch.add(took)
			outcome <- problem
		}()
	}
	for range c.sessions {
		if err := <-outcome; err != nil {
			return err
		}
	}
	r := watch.result(time.Since(start), 1)
	r.Role, r.Sessions, r.usage = c.role, c.sessions, used()
	printJSON(os.Stdout, r)
	return nil
}

func connectOnce(w *wire, ball byte) error {
	conn, s, err := w.connectFrom(nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer s.Close()
	return roundTrip(s, []byte{ball}, make([]byte, 1))
}
