package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	kcp "github.com/xtaci/kcp-go/v5"
)

// meterInterval is the time between two samples.
const meterInterval = 50 * time.Millisecond

// unix is a time as seconds since 1970, the same for all processes here.
func unix(t time.Time) float64 {
	return float64(t.UnixMicro()) / 1e6
}

// A meter counts what arrives on each session, keeps samples, and tells when
// a session has brought enough.
type meter struct {
	enough   int64
	mu       sync.Mutex
	sessions []*atomic.Int64
	samples  [][]float64
}

// newMeter also begins to take samples.
func newMeter(enough int64) *meter {
	m := &meter{enough: enough}
	go func() {
		for now := range time.Tick(meterInterval) {
			m.sample(now)
		}
	}()
	return m
}

func (m *meter) sample(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	sample := []float64{unix(now)}
	for _, s := range m.sessions {
		sample = append(sample, float64(s.Load()))
	}
	m.samples = append(m.samples, sample)
}

func (m *meter) serve(s net.Conn) error {
	counted := new(atomic.Int64)
	m.mu.Lock()
	m.sessions = append(m.sessions, counted)
	m.mu.Unlock()
	buf := make([]byte, readSize)
	for {
		n, err := s.Read(buf)
		if err != nil {
			return err
		}
		if got := counted.Add(int64(n)); got >= m.enough && got-int64(n) < m.enough {
			fmt.Printf("complete %f\n", unix(time.Now()))
		}
	}
}

// A meterReport has samples, each of a time and of values: a meter's are the
// bytes of each session, a flood's the smoothed round trip in milliseconds.
type meterReport struct {
	Samples [][]float64 `json:"samples"`
	usage
}

func (m *meter) report() meterReport {
	m.sample(time.Now())
	m.mu.Lock()
	defer m.mu.Unlock()
	return meterReport{m.samples, used()}
}

// runFlood sends bytes on one session until all have been taken, from the first
// line of standard input on, and samples of the smoothed round trip until it
// ends.
func runFlood(c *config, w *wire) error {
	s, err := w.connect()
	if err != nil {
		return err
	}
	c.tellReady()
	input := bufio.NewReader(os.Stdin)
	begin := make(chan struct{})
	go func() {
		<-begin
		data := newPattern(c.seed, c.chunk)
		if err := send(s, data.from(0), uint64(c.bytes), c.chunk); err != nil {
			fmt.Fprintln(os.Stderr, "gopeer:", err)
		}
	}()
	ended := make(chan struct{})
	go func() {
		input.ReadString('\n')
		close(begin)
		io.Copy(io.Discard, input)
		close(ended)
	}()
	return sampleRoundTrip(s, ended)
}

func sampleRoundTrip(s *kcp.UDPSession, ended <-chan struct{}) error {
	var r meterReport
	ticks := time.Tick(meterInterval)
	for {
		select {
		case now := <-ticks:
			r.Samples = append(r.Samples, []float64{unix(now), float64(s.GetSRTT())})
		case <-ended:
			r.usage = used()
			printJSON(os.Stdout, r)
			return nil
		}
	}
}
