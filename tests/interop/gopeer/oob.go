package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"time"

	kcp "github.com/xtaci/kcp-go/v5"
)

// oobRoom is how many datagrams may wait for the handler's goroutine.
const oobRoom = 1024

// receiveOOB gives out what arrives out of band. kcp-go wants its handler to
// return at once, and lends it the data only until then.
func receiveOOB(s *kcp.UDPSession) (<-chan []byte, error) {
	arrived := make(chan []byte, oobRoom)
	return arrived, s.SetOOBHandler(func(data []byte) {
		select {
		case arrived <- bytes.Clone(data):
		default:
		}
	})
}

// returnOOB sends out-of-band datagrams back for as long as the process lasts.
func returnOOB(s *kcp.UDPSession) error {
	arrived, err := receiveOOB(s)
	if err != nil {
		return err
	}
	go func() {
		for data := range arrived {
			s.SendOOB(data)
		}
	}()
	return nil
}

// clientOOB first has the stream echoed: then the server's handler is there.
func clientOOB(c *config, sessions []net.Conn) (*result, error) {
	s := sessions[0].(*kcp.UDPSession)
	arrived, err := receiveOOB(s)
	if err != nil {
		return nil, err
	}
	if _, err := clientEcho(c, sessions); err != nil {
		return nil, err
	}
	largest := s.GetOOBMaxSize()
	data := newPattern(c.seed, readSize).from(0)
	sizes := []int{0, 1, largest}
	for _, size := range sizes {
		sent := bytes.Clone(data.take(size))
		if err := s.SendOOB(sent); err != nil {
			return nil, err
		}
		select {
		case received := <-arrived:
			if !bytes.Equal(received, sent) {
				return nil, fmt.Errorf("of %d bytes out of band, %d others came back", size, len(received))
			}
		case <-time.After(seconds(c.patience)):
			return nil, fmt.Errorf("%d bytes out of band did not come back", size)
		}
	}
	if s.SendOOB(data.take(largest+1)) == nil {
		return nil, errors.New("one byte too many was sent out of band")
	}
	return &result{Messages: len(sizes), Size: largest}, nil
}
