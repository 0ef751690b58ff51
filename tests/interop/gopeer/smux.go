package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/xtaci/smux"
)

// smuxConfig gives smux the settings of the command line.
func (c *config) smuxConfig() *smux.Config {
	s := smux.DefaultConfig()
	s.Version = c.smux
	s.MaxFrameSize = c.frameSize
	s.MaxStreamBuffer = c.streamBuf
	s.MaxReceiveBuffer = c.receiveBuf
	s.KeepAliveInterval = seconds(c.interval)
	s.KeepAliveTimeout = seconds(c.lostTimeout)
	return s
}

// multiplex opens a session of smux to the server.
func (w *wire) multiplex() (*smux.Session, error) {
	var lower net.Conn
	var err error
	if w.tcp {
		lower, err = net.Dial("tcp", w.dial)
	} else {
		lower, err = w.connect()
	}
	if err != nil {
		return nil, err
	}
	return smux.Client(lower, w.smuxConfig())
}

// runSmuxServer does for streams what runServer does for sessions. It also
// tells on standard error how each session of smux ended.
func runSmuxServer(c *config, w *wire, handle func(net.Conn) error, report func() any) error {
	var accept func() (net.Conn, error)
	if w.tcp {
		listener, err := net.Listen("tcp", c.listen)
		if err != nil {
			return err
		}
		accept = listener.Accept
		fmt.Printf("listening %s\n", listener.Addr())
	} else {
		listener, err := w.serve()
		if err != nil {
			return err
		}
		accept = func() (net.Conn, error) {
			s, err := listener.AcceptKCP()
			if err == nil {
				w.tune(s)
			}
			return s, err
		}
		fmt.Printf("listening %s\n", listener.Addr())
	}
	ended := make(chan error, 1)
	if c.stdin {
		go func() {
			io.Copy(io.Discard, os.Stdin)
			ended <- nil
		}()
	}
	go func() {
		for {
			lower, err := accept()
			if err != nil {
				ended <- err
				return
			}
			session, err := smux.Server(lower, c.smuxConfig())
			if err != nil {
				ended <- err
				return
			}
			go serveStreams(session, handle)
		}
	}()
	err := <-ended
	printJSON(os.Stdout, report())
	return err
}

func serveStreams(session *smux.Session, handle func(net.Conn) error) {
	defer session.Close()
	for {
		stream, err := session.AcceptStream()
		if err != nil {
			fmt.Fprintln(os.Stderr, "session over:", err)
			return
		}
		go func() {
			defer stream.Close()
			handle(stream)
		}()
	}
}

// serveHalf needs to see the end of what comes before it answers.
func serveHalf(s net.Conn) error {
	all, err := io.ReadAll(s)
	if err != nil {
		return err
	}
	_, err = s.Write(all)
	return err
}

func clientHalf(c *config, sessions []net.Conn) (*result, error) {
	data := newPattern(c.seed, int(c.bytes))
	err := each(sessions, len(sessions), func(i int, s net.Conn) error {
		sent := data.from(i).take(int(c.bytes))
		if _, err := s.Write(sent); err != nil {
			return err
		}
		if err := s.(*smux.Stream).CloseWrite(); err != nil {
			return err
		}
		got, err := io.ReadAll(s)
		if err != nil {
			return err
		}
		if !bytes.Equal(got, sent) {
			return fmt.Errorf("stream %d: %d bytes came back of %d, or others", i, len(got), len(sent))
		}
		return nil
	})
	return &result{Bytes: c.bytes * int64(c.sessions)}, err
}

func clientStalled(c *config, sessions []net.Conn) (*result, error) {
	stalled, others := sessions[0], sessions[1:]
	if err := writeCount(stalled, uint64(c.bytes)); err != nil {
		return nil, err
	}
	if _, err := clientSource(c, others); err != nil {
		return nil, err
	}
	data := newPattern(c.seed, readSize)
	expected := data.from(0)
	_, _, err := drain(stalled, make([]byte, readSize), uint64(c.bytes), func(p []byte) error {
		if !bytes.Equal(p, expected.take(len(p))) {
			return errWrong
		}
		return nil
	})
	return &result{Bytes: c.bytes * int64(c.sessions)}, err
}
