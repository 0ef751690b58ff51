package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/net/ipv4"
)

const (
	// relayBatch is how many datagrams one system call reads or writes.
	relayBatch = 64

	// soRXQOverflow is Linux's SO_RXQ_OVFL: every datagram read tells how many
	// its socket has dropped so far for want of room.
	soRXQOverflow = 40
)

// A door is a socket of the relay.
type door struct {
	conn    *ipv4.PacketConn
	dropped atomic.Int64
}

func newDoor(conn *net.UDPConn, w *wire) (*door, error) {
	if err := w.widen(conn); err != nil {
		return nil, err
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, soRXQOverflow, 1)
	})
	if err == nil {
		err = failed
	}
	return &door{conn: ipv4.NewPacketConn(conn)}, err
}

// read gives what comes to take, for ever.
func (d *door) read(take func([]ipv4.Message)) {
	messages := make([]ipv4.Message, relayBatch)
	for i := range messages {
		messages[i].Buffers = [][]byte{make([]byte, maxDatagram)}
		messages[i].OOB = make([]byte, syscall.CmsgSpace(4))
	}
	for {
		n, err := d.conn.ReadBatch(messages, 0)
		if err != nil {
			// The peer's "port unreachable"; a socket that is closed ends with the process.
			continue
		}
		for i := range messages[:n] {
			if oob := messages[i].OOB[:messages[i].NN]; len(oob) >= syscall.CmsgLen(4) {
				d.dropped.Store(int64(binary.NativeEndian.Uint32(oob[syscall.CmsgLen(0):])))
			}
		}
		take(messages[:n])
	}
}

// A relay stands between any number of clients and one server.
type relay struct {
	*wire
	target  *net.UDPAddr
	front   *door
	out, in *lane
	mu      sync.Mutex
	backs   map[string]*door
}

// serveRelay passes datagrams on until standard input ends, and prints what
// became of them.
func serveRelay(c *config, w *wire) error {
	target, err := net.ResolveUDPAddr("udp4", c.relay)
	if err != nil {
		return err
	}
	local, err := net.ResolveUDPAddr("udp4", c.listen)
	if err != nil {
		return err
	}
	conn, err := net.ListenUDP("udp4", local)
	if err != nil {
		return err
	}
	front, err := newDoor(conn, w)
	if err != nil {
		return err
	}
	r := &relay{
		wire: w, target: target, front: front,
		out: newLane(c, 1), in: newLane(c, 2),
		backs: make(map[string]*door),
	}
	go front.read(r.fromClients)
	fmt.Printf("listening %s\n", conn.LocalAddr())
	io.Copy(io.Discard, os.Stdin)
	printJSON(os.Stdout, r.counts())
	return nil
}

// fromClients takes datagrams of different clients apart.
func (r *relay) fromClients(messages []ipv4.Message) {
	for len(messages) > 0 {
		from := messages[0].Addr.String()
		n := 1
		for n < len(messages) && messages[n].Addr.String() == from {
			n++
		}
		if back := r.back(messages[0].Addr, from); back != nil {
			r.out.take(messages[:n], back.conn, nil)
		}
		messages = messages[n:]
	}
}

// back returns the socket that stands for a client before the server, or nil
// if there can be none.
func (r *relay) back(client net.Addr, name string) *door {
	r.mu.Lock()
	defer r.mu.Unlock()
	if found := r.backs[name]; found != nil {
		return found
	}
	conn, err := net.DialUDP("udp4", nil, r.target)
	if err != nil {
		return nil
	}
	made, err := newDoor(conn, r.wire)
	if err != nil {
		return nil
	}
	r.backs[name] = made
	go made.read(func(messages []ipv4.Message) { r.in.take(messages, r.front.conn, client) })
	return made
}

// relayCounts is what a relay tells at its end.
type relayCounts struct {
	Out laneCounts `json:"out"`
	In  laneCounts `json:"in"`
	usage
}

func (r *relay) counts() relayCounts {
	r.mu.Lock()
	defer r.mu.Unlock()
	var dropped int64
	for _, back := range r.backs {
		dropped += back.dropped.Load()
	}
	return relayCounts{r.out.count(r.front.dropped.Load()), r.in.count(dropped), used()}
}
