package main

import (
	"math/rand/v2"
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"
)

// maxDatagram is more than any datagram of ours has.
const maxDatagram = 2048

// laneRoom is how many datagrams may be under way in one direction.
const laneRoom = 16384

// A parcel is a datagram under way.
type parcel struct {
	data [maxDatagram]byte
	n    int
	due  time.Time
	by   *ipv4.PacketConn
	to   net.Addr // nil where the socket is connected
}

// A lane is one direction of the relay. All datagrams take the same time, so
// they leave in the order in which they came.
type lane struct {
	delay time.Duration
	loss  float64

	mu       sync.Mutex // what follows, for there may be several readers
	random   *rand.Rand
	counted  laneCounts
	free     []*parcel
	made     int
	underway chan *parcel
}

// laneCounts is what became of datagrams: passed on, lost because that was
// wanted, or dropped for want of room, here or in a socket.
type laneCounts struct {
	Passed     int64 `json:"passed"`
	Lost       int64 `json:"lost"`
	Overflowed int64 `json:"overflowed"`
}

func newLane(c *config, number uint64) *lane {
	l := &lane{
		delay:    seconds(c.delay),
		loss:     c.loss,
		random:   rand.New(rand.NewPCG(c.seed, number)),
		underway: make(chan *parcel, laneRoom),
	}
	go l.deliver()
	return l
}

// take decides the fate of datagrams that have just come, and starts those on
// their way that are to arrive.
func (l *lane) take(messages []ipv4.Message, by *ipv4.PacketConn, to net.Addr) {
	due := time.Now().Add(l.delay)
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range messages {
		if l.random.Float64() < l.loss {
			l.counted.Lost++
			continue
		}
		p := l.parcel()
		if p == nil {
			l.counted.Overflowed++
			continue
		}
		p.n = copy(p.data[:], messages[i].Buffers[0][:messages[i].N])
		p.due, p.by, p.to = due, by, to
		l.counted.Passed++
		l.underway <- p // there is room for all parcels
	}
}

// parcel returns one that is free, or nil.
func (l *lane) parcel() *parcel {
	if last := len(l.free) - 1; last >= 0 {
		p := l.free[last]
		l.free = l.free[:last]
		return p
	}
	if l.made == laneRoom {
		return nil
	}
	l.made++
	return new(parcel)
}

// deliver sends parcels when they are due, as many at once as have the same
// way. It sleeps in the kernel: Go's own timers may be late by a millisecond.
func (l *lane) deliver() {
	messages := make([]ipv4.Message, relayBatch)
	for i := range messages {
		messages[i].Buffers = make([][]byte, 1)
	}
	batch := make([]*parcel, 0, relayBatch)
	next := <-l.underway
	for {
		if wait := time.Until(next.due); wait > 0 {
			pause := syscall.NsecToTimespec(wait.Nanoseconds())
			syscall.Nanosleep(&pause, nil)
			continue
		}
		now := time.Now()
		batch = append(batch[:0], next)
		next = nil
	gather:
		for len(batch) < relayBatch {
			select {
			case next = <-l.underway:
				if next.by != batch[0].by || next.due.After(now) {
					break gather
				}
				batch = append(batch, next)
				next = nil
			default:
				break gather
			}
		}
		for i, p := range batch {
			messages[i].Buffers[0], messages[i].Addr = p.data[:p.n], p.to
		}
		writeAll(batch[0].by, messages[:len(batch)])
		l.mu.Lock()
		l.free = append(l.free, batch...)
		l.mu.Unlock()
		if next == nil {
			next = <-l.underway
		}
	}
}

// writeAll passes over what cannot be sent: nobody may be there any more.
func writeAll(by *ipv4.PacketConn, messages []ipv4.Message) {
	for len(messages) > 0 {
		n, err := by.WriteBatch(messages, 0)
		if err != nil {
			n = 1
		}
		messages = messages[n:]
	}
}

// count adds up what the lane has counted itself and what sockets dropped.
func (l *lane) count(dropped int64) laneCounts {
	l.mu.Lock()
	defer l.mu.Unlock()
	counted := l.counted
	counted.Overflowed += dropped
	return counted
}
