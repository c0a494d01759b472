package server

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
)

// crowdedListener closes connections of an address that has too many of them,
// whatever they are used for: those that never ask for anything count as well.
type crowdedListener struct {
	net.Listener
	crowd   *crowd
	trusted []netip.Prefix // may have any number
}

// Accept gives the next connection that may stay.
func (l *crowdedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		addr := addressOf(conn)
		if l.trusts(addr) {
			return conn, nil
		}
		leave := l.crowd.enter(addr)
		if leave == nil {
			_ = conn.Close() // nobody was served
			continue
		}
		return &crowdedConn{Conn: conn, leave: leave}, nil
	}
}

// addressOf is where a connection comes from; the zero Addr where that is not
// over a network.
func addressOf(conn net.Conn) netip.Addr {
	remote, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return remote.Addr()
}

func (l *crowdedListener) trusts(addr netip.Addr) bool {
	for _, p := range l.trusted {
		if p.Contains(addr.Unmap()) {
			return true
		}
	}
	return false
}

// crowdedConn is a connection that counts until it is closed.
type crowdedConn struct {
	net.Conn
	once  sync.Once
	leave func()
}

// SyscallConn is the connection as the system knows it.
func (c *crowdedConn) SyscallConn() (syscall.RawConn, error) {
	if sc, ok := c.Conn.(syscall.Conn); ok {
		return sc.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}

// CloseWrite tells the other end that nothing more comes.
func (c *crowdedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// Close closes the connection.
func (c *crowdedConn) Close() error {
	c.once.Do(c.leave)
	return c.Conn.Close()
}

// networks reads addresses and networks, such as "10.0.0.1" and "10.0.0.0/8".
func networks(all []string) ([]netip.Prefix, error) {
	list := make([]netip.Prefix, 0, len(all))
	for _, s := range all {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			addr, bad := netip.ParseAddr(s)
			if bad != nil {
				return nil, fmt.Errorf("server: the trusted proxy %q is no address and no network", s)
			}
			p = netip.PrefixFrom(addr, addr.BitLen())
		}
		list = append(list, p)
	}
	return list, nil
}
