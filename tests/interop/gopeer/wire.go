package main

import (
	"fmt"
	"net"

	kcp "github.com/xtaci/kcp-go/v5"
)

// modes are the presets of kcptun: nodelay, interval, resend, nc.
var modes = map[string][4]int{
	"normal": {0, 40, 2, 1},
	"fast":   {0, 30, 2, 1},
	"fast2":  {1, 20, 2, 1},
	"fast3":  {1, 10, 2, 1},
}

// A wire makes sockets and sessions as the command line wants them.
type wire struct {
	*config
	block kcp.BlockCrypt
}

func newWire(c *config) (*wire, error) {
	kind, ok := ciphers[c.crypt]
	if !ok {
		return nil, fmt.Errorf("unknown -crypt %q", c.crypt)
	}
	key, err := kind.key(c)
	if err != nil {
		return nil, err
	}
	w := &wire{config: c}
	if kind.block != nil {
		w.block, err = kind.block(key)
	}
	return w, err
}

// socket opens a UDP socket; without an address, on any port.
func (w *wire) socket(network string, local *net.UDPAddr) (net.PacketConn, error) {
	conn, err := net.ListenUDP(network, local)
	if err != nil {
		return nil, err
	}
	if err := w.widen(conn); err != nil {
		return nil, err
	}
	return conn, nil
}

// widen gives a socket the buffers of the command line.
func (w *wire) widen(conn *net.UDPConn) error {
	if w.sockBuf == 0 {
		return nil
	}
	if err := conn.SetReadBuffer(w.sockBuf); err != nil {
		return err
	}
	return conn.SetWriteBuffer(w.sockBuf)
}

// tune gives a session the settings of the command line.
func (w *wire) tune(s *kcp.UDPSession) {
	mode := modes[w.mode]
	if w.nc >= 0 {
		mode[3] = w.nc
	}
	s.SetMtu(w.mtu)
	s.SetWindowSize(w.sndWnd, w.rcvWnd)
	s.SetNoDelay(mode[0], mode[1], mode[2], mode[3])
	s.SetStreamMode(w.stream)
	s.SetACKNoDelay(w.ackNoDelay)
	s.SetWriteDelay(w.writeDelay)
}

// serve starts a listener.
func (w *wire) serve() (*kcp.Listener, error) {
	addr, err := net.ResolveUDPAddr("udp", w.listen)
	if err != nil {
		return nil, err
	}
	conn, err := w.socket("udp", addr)
	if err != nil {
		return nil, err
	}
	return kcp.ServeConn(w.block, w.dataShards, w.parityShards, conn)
}

// connect opens a session to the server, on a socket of its own.
func (w *wire) connect() (*kcp.UDPSession, error) {
	_, s, err := w.connectFrom(nil)
	return s, err
}

// connectFrom does so from a local address, if there is one, and also returns
// the socket, which kcp-go does not close.
func (w *wire) connectFrom(local *net.UDPAddr) (net.PacketConn, *kcp.UDPSession, error) {
	addr, err := net.ResolveUDPAddr("udp", w.dial)
	if err != nil {
		return nil, nil, err
	}
	network := "udp4"
	if addr.IP.To4() == nil {
		network = "udp6"
	}
	conn, err := w.socket(network, local)
	if err != nil {
		return nil, nil, err
	}
	s, err := kcp.NewConn2(addr, w.block, w.dataShards, w.parityShards, conn)
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	w.tune(s)
	return conn, s, nil
}
