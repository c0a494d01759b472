package webhook

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"
)

// addressError says that a tool's host has an address that is not public.
type addressError struct{ ip netip.Addr }

func (e *addressError) Error() string {
	return fmt.Sprintf("the address %v is not public, and not allowed", e.ip)
}

// dialer opens connections to hosts that are allowed, and to public addresses.
type dialer struct {
	allowed map[string]bool // HOST:PORT
	private bool            // every address is allowed
	plain   net.Dialer
	guarded net.Dialer
}

func newDialer(private bool, allowed map[string]bool) *dialer {
	d := &dialer{
		allowed: allowed,
		private: private,
		plain:   net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second},
	}
	d.guarded = d.plain
	// It is asked with the address that the name was looked up to, immediately
	// before the connection is opened: nothing can change in between.
	d.guarded.ControlContext = func(_ context.Context, _, address string, _ syscall.RawConn) error {
		return check(address)
	}
	return d
}

// Dial opens a connection to address, a HOST:PORT.
func (d *dialer) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if d.private || d.allowed[strings.ToLower(address)] {
		return d.plain.DialContext(ctx, network, address)
	}
	return d.guarded.DialContext(ctx, network, address)
}

// check refuses an IP:PORT that is not public.
func check(address string) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("the address %q can't be checked: %w", address, err)
	}
	if !public(a.Addr()) {
		return &addressError{a.Addr()}
	}
	return nil
}

// public says whether anybody on the internet can reach ip, so that calling it
// opens nothing that is not open already.
func public(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return !slices.ContainsFunc(closedV4(), func(p netip.Prefix) bool { return p.Contains(ip) })
	}
	b := ip.As16()
	if netip.MustParsePrefix("64:ff9b::/96").Contains(ip) { // NAT64: an IPv4 address by way of IPv6
		return public(netip.AddrFrom4([4]byte(b[12:])))
	}
	// Of IPv6 only this much is in use by the public.
	return netip.MustParsePrefix("2000::/3").Contains(ip) &&
		!slices.ContainsFunc(closedV6(), func(p netip.Prefix) bool { return p.Contains(ip) })
}

// closedV4 are the networks that IANA's register of special-purpose addresses
// holds not to be globally reachable.
func closedV4() []netip.Prefix {
	return prefixes(
		"0.0.0.0/8",        // this network
		"10.0.0.0/8",       // private
		"100.64.0.0/10",    // shared by carriers; metadata of Alibaba
		"127.0.0.0/8",      // loopback
		"168.63.129.16/32", // the platform of Azure, from inside of it
		"169.254.0.0/16",   // link-local; metadata of most clouds
		"172.16.0.0/12",    // private
		"192.0.0.0/24",     // protocol assignments; metadata of Oracle
		"192.0.2.0/24",     // documentation
		"192.88.99.0/24",   // relays from IPv6
		"192.168.0.0/16",   // private
		"198.18.0.0/15",    // benchmarks
		"198.51.100.0/24",  // documentation
		"203.0.113.0/24",   // documentation
		"224.0.0.0/4",      // multicast
		"240.0.0.0/4",      // reserved, and broadcast
	)
}

// closedV6 are the networks in 2000::/3 that are not what they seem.
func closedV6() []netip.Prefix {
	return prefixes(
		"2001::/23",     // protocol assignments; Teredo, which holds IPv4
		"2001:db8::/32", // documentation
		"2002::/16",     // 6to4, which holds IPv4
		"3fff::/20",     // documentation
	)
}

func prefixes(all ...string) []netip.Prefix {
	list := make([]netip.Prefix, 0, len(all))
	for _, s := range all {
		list = append(list, netip.MustParsePrefix(s))
	}
	return list
}

// client gives the client that carries the calls.
func client(dial func(ctx context.Context, network, address string) (net.Conn, error)) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  nil, // see the package's comment
			DialContext:            dial,
			MaxIdleConns:           256,
			MaxIdleConnsPerHost:    16,
			IdleConnTimeout:        30 * time.Second,
			TLSHandshakeTimeout:    5 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
			DisableCompression:     true,
			ForceAttemptHTTP2:      true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
