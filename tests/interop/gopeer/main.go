// Gopeer is a peer for the tests of kcptwisted: a server or a client that
// talks KCP through kcp-go.
//
// As a server (-listen) it prints one line, "listening HOST:PORT", and serves
// any number of sessions in one role:
//
//	echo    writes back all that it reads
//	sink    reads a count N (u64, little-endian, like all numbers here) and
//	        then N bytes; answers with two u64, the bytes counted and the
//	        nanoseconds from the arrival of the first to that of the last
//	source  reads a count N and sends N bytes of the test stream
//	oob     sends out-of-band datagrams back, and is an echo besides
//	meter   reads, prints "complete" and the time when a session has brought
//	        -bytes bytes, and at its end what had come on each session when
//
// Sink and source then wait for the next count on the same session. At its end
// a server prints one line of JSON, the CPU seconds ("cpu") and the bytes of
// memory ("rss") that it uses.
//
// As a client (-dial) it plays the other part of the same roles, or
//
//	pingpong  times round trips of -size bytes against an echo server
//	paced     sends -rate messages of -size bytes a second to an echo server,
//	          for -seconds, whether or not earlier ones have been answered;
//	          the time of each counts from when it was due
//	oob       sends -bytes bytes of the stream, perhaps 0, and when they are back
//	          out-of-band datagrams of 0, 1 and as many bytes as kcp-go takes, each when
//	          the one before is back; one byte more must be refused
//	idle      opens sessions to an echo server, prints "ready", and holds them
//	          until its standard input ends
//	connects  -count times dials an echo server, has one byte come back, and
//	          closes; -sessions at once
//
// and closes with one line of JSON on standard output; "cpu" and "rss" are as
// a server's. With -ready, all but idle print "ready" before what they time
// begins. With -listen and -both the process is a client of itself: a server in
// the fitting role, and the client that -role names.
//
// With -smux, what is called a session here is a stream of smux, all of one
// session of smux over KCP, or TCP with -tcp. There are two more roles:
//
//	half     reads to the end before it answers: a server writes back all that
//	         it has read, and closes; a client sends -bytes, closes its half
//	         only, and reads to the end
//	stalled  a client of a source that reads nothing on its first stream
//	         before all is there on the others
//
// Two clients never close by themselves:
//
//	caller  calls an echo server with -size bytes, every -pause; after -count
//	        answers, or when one is not there within -patience, it dials
//	        again, until its standard input ends. It prints a line of JSON
//	        for the first answer of each session, "answered", and for its
//	        end, "enough", "late" or "over"
//	flood   sends -bytes bytes to a meter from the first line of its standard
//	        input on; at its end it prints what the smoothed round trip was when
//
// Between a client and a server, without kcp-go, stands a bad path:
//
//	-listen HOST:PORT -relay HOST:PORT  passes UDP datagrams on to the server
//	          at the second address, and back. In each direction a share of
//	          -loss of them is lost, by a generator that begins at -seed, and
//	          the rest takes -delay. It ends with its standard input, and then
//	          prints one line of JSON: what became of them, and its usage
//
// Without any network, -vectors prints the test vectors of Reed-Solomon coding
// as JSON, and -benchmark measures what kcp-go computes for each packet of
// 1400 bytes. The latter prints one line of JSON, nanoseconds by item:
//
//	the name of a cipher  {"encrypt": ..., "decrypt": ...} of one packet; that
//	                      of an AEAD has 1400 bytes with its nonce and tag,
//	                      and making a nonce does not count; a checksum is
//	                      not included
//	crc32                 checksum of one packet
//	reedsolomon           {"encode": ..., "reconstruct": ...} of a whole group,
//	                      10 data shards of 1400 bytes and 3 of parity; to
//	                      reconstruct, 3 of data are lost
//
// Each number is the median of -rounds rounds. In a round everything is
// measured once, in the same order, for -seconds. With -only it is done for
// the items of a list alone.
//
// Exit status: 0 all was right, 1 something was not, 2 wrong usage, 3 the
// watchdog (-timeout) ended the run.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	kcp "github.com/xtaci/kcp-go/v5"
)

const (
	exitFailed  = 1
	exitUsage   = 2
	exitTimeout = 3
)

// config holds the command line.
type config struct {
	listen, dial, role, relay string

	bytes    int64
	seed     uint64
	seedSet  bool
	sessions int
	chunk    int
	count    int
	size     int
	rate     float64
	ready    bool
	both     bool

	delay, loss float64

	crypt, key, rawKey string

	dataShards, parityShards    int
	mode                        string
	nc                          int
	sndWnd, rcvWnd, mtu         int
	stream                      bool
	ackNoDelay, writeDelay      bool
	sockBuf                     int
	timeout, linger, sessionMax float64
	stdin, snmp                 bool

	smux        int
	tcp         bool
	frameSize   int
	streamBuf   int
	receiveBuf  int
	interval    float64
	lostTimeout float64

	patience, pause float64
	samePort        bool

	vectors, benchmark bool
	only               string
	rounds             int
	seconds            float64
}

func parseFlags() (*config, error) {
	c := new(config)
	flag.StringVar(&c.listen, "listen", "", "serve on this `HOST:PORT`")
	flag.StringVar(&c.dial, "dial", "", "be a client of this `HOST:PORT`")
	flag.StringVar(&c.role, "role", "", "echo, sink, source, oob, meter or half; a client also stalled, pingpong, paced, idle, connects, caller or flood")

	flag.StringVar(&c.relay, "relay", "", "pass what comes to -listen on to this `HOST:PORT`, IPv4")
	flag.Float64Var(&c.delay, "delay", 0, "relay: `seconds` that each direction takes")
	flag.Float64Var(&c.loss, "loss", 0, "relay: share of the datagrams that is lost in each direction, 0 to 1")

	flag.Int64Var(&c.bytes, "bytes", 1<<20, "client: bytes to move on each session")
	flag.Uint64Var(&c.seed, "seed", 1, "seed of the test stream; a source client checks what it gets only when this is given")
	flag.IntVar(&c.sessions, "sessions", 1, "client: sessions to run at once")
	flag.IntVar(&c.chunk, "chunk", 65536, "bytes for each write")
	flag.IntVar(&c.count, "count", 1000, "pingpong: round trips on each session; connects: how many; caller: answers, at most")
	flag.IntVar(&c.size, "size", 64, "pingpong, paced and caller: bytes each way")
	flag.Float64Var(&c.rate, "rate", 50, "paced: messages a second on each session")
	flag.BoolVar(&c.ready, "ready", false, "client: tell when what is timed is about to begin")

	flag.BoolVar(&c.both, "both", false, "be the client of what -listen serves, in one process")

	flag.StringVar(&c.crypt, "crypt", "null", "cipher: "+strings.Join(cipherNames(), " "))
	flag.StringVar(&c.key, "key", "", "`passphrase`, turned into a key as kcptun does")
	flag.StringVar(&c.rawKey, "rawkey", "", "the cipher's key itself, in `hex`")
	flag.IntVar(&c.dataShards, "datashard", 0, "FEC data shards, 0 for no FEC")
	flag.IntVar(&c.parityShards, "parityshard", 0, "FEC parity shards, 0 for no FEC")
	flag.StringVar(&c.mode, "mode", "fast3", "normal, fast, fast2 or fast3")
	flag.IntVar(&c.nc, "nc", -1, "1 turns congestion control off, 0 turns it on; as -mode says if not given")
	flag.IntVar(&c.sndWnd, "sndwnd", 1024, "send window, in segments")
	flag.IntVar(&c.rcvWnd, "rcvwnd", 1024, "receive window, in segments")
	flag.IntVar(&c.mtu, "mtu", 1400, "largest UDP payload")
	flag.BoolVar(&c.stream, "stream", true, "stream mode; -stream=false for message mode")
	flag.BoolVar(&c.ackNoDelay, "acknodelay", false, "send each ACK at once")
	flag.BoolVar(&c.writeDelay, "writedelay", false, "leave what is written to the next interval")
	flag.IntVar(&c.sockBuf, "sockbuf", 4<<20, "bytes of each socket buffer, 0 for the system's own choice")

	flag.Float64Var(&c.timeout, "timeout", -1, "`seconds` before the watchdog ends the run, 0 for never (default 60, of a server or benchmark 600)")
	flag.Float64Var(&c.patience, "patience", 0, "caller, paced and oob: `seconds` to wait for an answer (default 0.5, of paced and oob 10)")
	flag.Float64Var(&c.pause, "pause", 0.1, "caller: `seconds` from an answer to the next call")
	flag.BoolVar(&c.samePort, "sameport", false, "caller: dial again from the same port")
	flag.Float64Var(&c.linger, "linger", 0.25, "client: `seconds` to stay for the last ACKs, and to see that nothing more comes")
	flag.Float64Var(&c.sessionMax, "sessiontimeout", 0, "server: drop a session that moved nothing for these `seconds`, 0 for never")
	flag.BoolVar(&c.stdin, "stdin", false, "server: end when standard input does")
	flag.BoolVar(&c.snmp, "snmp", false, "print kcp-go's counters as JSON to standard error at the end")

	flag.IntVar(&c.smux, "smux", 0, "sessions are streams of one smux session of this `version`, 1 or 2")
	flag.BoolVar(&c.tcp, "tcp", false, "smux: over TCP instead of KCP")
	flag.IntVar(&c.frameSize, "framesize", 32768, "smux: MaxFrameSize, in bytes")
	flag.IntVar(&c.streamBuf, "streambuf", 65536, "smux: MaxStreamBuffer, in bytes")
	flag.IntVar(&c.receiveBuf, "smuxbuf", 4<<20, "smux: MaxReceiveBuffer, in bytes")
	flag.Float64Var(&c.interval, "interval", 10, "smux: KeepAliveInterval, in `seconds`")
	flag.Float64Var(&c.lostTimeout, "lost", 30, "smux: KeepAliveTimeout, in `seconds`")

	flag.BoolVar(&c.vectors, "vectors", false, "print test vectors of Reed-Solomon coding")
	flag.BoolVar(&c.benchmark, "benchmark", false, "measure what is computed for each packet")
	flag.StringVar(&c.only, "only", "", "benchmark: `items` to measure, with commas between them (default all): "+strings.Join(benchmarkItems(), " "))
	flag.IntVar(&c.rounds, "rounds", 5, "benchmark: how often each is measured")
	flag.Float64Var(&c.seconds, "seconds", 0.1, "benchmark: how long each is measured in a round; paced: how long to send; in `seconds`")
	flag.Parse()

	flag.Visit(func(f *flag.Flag) { c.seedSet = c.seedSet || f.Name == "seed" })
	if c.timeout < 0 {
		c.timeout = 60
		if c.listen != "" || c.benchmark {
			c.timeout = 600
		}
	}
	if c.patience == 0 {
		c.patience = 0.5
		if c.role == "paced" || c.role == "oob" {
			c.patience = 10
		}
	}
	return c, c.check()
}

func (c *config) check() error {
	if flag.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}
	things := 0
	for _, wanted := range []bool{c.listen != "", c.dial != "", c.vectors, c.benchmark} {
		if wanted {
			things++
		}
	}
	if things != 1 {
		return fmt.Errorf("one of -listen, -dial, -vectors and -benchmark is needed")
	}
	if c.both && (c.listen == "" || c.relay != "") {
		return fmt.Errorf("-both needs -listen, and no -relay")
	}
	if _, ok := modes[c.mode]; !ok {
		return fmt.Errorf("unknown -mode %q", c.mode)
	}
	if fec := c.dataShards > 0 && c.parityShards > 0; !fec && (c.dataShards != 0 || c.parityShards != 0) {
		return fmt.Errorf("-datashard and -parityshard must be both positive or both 0")
	}
	if c.dataShards+c.parityShards > 256 {
		return fmt.Errorf("more than 256 shards")
	}
	if c.mtu < 100 || c.mtu > 1500 {
		return fmt.Errorf("-mtu must be in 100...1500")
	}
	if c.chunk < 1 || c.sessions < 1 || c.count < 1 || c.size < 1 {
		return fmt.Errorf("-chunk, -sessions, -count and -size must be positive")
	}
	if c.bytes < 1 && (c.role != "oob" || c.bytes < 0) {
		return fmt.Errorf("-bytes must be positive, or 0 for -role oob")
	}
	if c.sndWnd < 1 || c.rcvWnd < 1 {
		return fmt.Errorf("-sndwnd and -rcvwnd must be positive")
	}
	if c.rate <= 0 {
		return fmt.Errorf("-rate must be positive")
	}
	if c.delay < 0 || c.loss < 0 || c.loss > 1 {
		return fmt.Errorf("-delay must not be negative, -loss must be in 0...1")
	}
	if c.smux < 0 || c.smux > 2 || (c.tcp && c.smux == 0) {
		return fmt.Errorf("-smux must be 1 or 2, and -tcp needs it")
	}
	if c.patience <= 0 {
		return fmt.Errorf("-patience must be positive")
	}
	if c.rounds < 1 || c.seconds <= 0 {
		return fmt.Errorf("-rounds and -seconds must be positive")
	}
	if c.only != "" {
		for name := range strings.SplitSeq(c.only, ",") {
			if !slices.Contains(benchmarkItems(), name) {
				return fmt.Errorf("-only: no item %q", name)
			}
		}
	}
	return nil
}

func main() {
	c, err := parseFlags()
	if err != nil {
		fail(exitUsage, err)
	}
	w, err := newWire(c)
	if err != nil {
		fail(exitUsage, err)
	}
	if c.timeout > 0 {
		time.AfterFunc(seconds(c.timeout), func() {
			c.counters()
			fail(exitTimeout, fmt.Errorf("not done within %v s", c.timeout))
		})
	}
	switch {
	case c.vectors:
		err = printVectors(os.Stdout)
	case c.benchmark:
		err = runBenchmark(c)
	case c.relay != "" && c.listen != "":
		err = serveRelay(c, w)
	case c.role == "caller" && c.dial != "":
		err = runCaller(c, w)
	case c.role == "flood" && c.dial != "":
		err = runFlood(c, w)
	case c.both:
		err = runBoth(c, w)
	case c.listen != "":
		err = runServer(c, w)
	default:
		err = runClient(c, w)
	}
	c.counters()
	if err != nil {
		fail(exitFailed, err)
	}
}

func fail(status int, err error) {
	fmt.Fprintln(os.Stderr, "gopeer:", err)
	os.Exit(status)
}

// counters prints kcp-go's counters if they were asked for.
func (c *config) counters() {
	if c.snmp {
		printJSON(os.Stderr, kcp.DefaultSnmp.Copy())
	}
}

func printJSON(out io.Writer, v any) {
	line, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	fmt.Fprintf(out, "%s\n", line)
}

func seconds(s float64) time.Duration {
	return time.Duration(s * float64(time.Second))
}
