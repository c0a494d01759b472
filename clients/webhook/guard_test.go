package webhook_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sori/clients/webhook"
)

// endpointOn serves a tool on loopback and counts who connects.
func endpointOn(t *testing.T) (port string, connected *atomic.Int32) {
	t.Helper()
	connected = &atomic.Int32{}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "on")
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connected.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port, connected
}

func TestPrivateHostsAreRefusedAtStart(t *testing.T) {
	t.Parallel()
	for _, host := range []string{
		"127.0.0.1", "localhost", "LOCALHOST.", "x.localhost", "10.1.2.3", "169.254.169.254", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:a9fe:a9fe]",
		"[fd00:ec2::254]", "[fe80::1%25eth0]", "[64:ff9b::7f00:1]", "0.0.0.0", "[::]",
	} {
		tool := lights()
		tool.URL = "http://" + host + "/x"
		if _, err := webhook.New([]webhook.Tool{tool}, webhook.Options{}); err == nil || !strings.Contains(err.Error(), "allow") {
			t.Errorf("%s: %v", host, err)
		}
		ts, err := webhook.New([]webhook.Tool{tool}, webhook.Options{AllowPrivate: true})
		if err != nil {
			t.Errorf("%s: %v", host, err)
			continue
		}
		ts.Close()
	}
}

func TestHostsThatAreAllowed(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		host string
		o    webhook.Options
		says string // "" when it is called
	}{
		{"127.0.0.1", webhook.Options{AllowPrivate: true}, ""},
		{"127.0.0.1", webhook.Options{Allow: []string{"127.0.0.1:PORT"}}, ""},
		{"localhost", webhook.Options{Allow: []string{"LocalHost:PORT"}}, ""},
		{"tool.test", webhook.Options{Allow: []string{"tool.test:PORT"}}, ""},
		{"tool.test", webhook.Options{AllowPrivate: true}, ""},
		{"tool.test", webhook.Options{Allow: []string{"127.0.0.1:PORT"}}, "not public"},
		{"tool.test", webhook.Options{Allow: []string{"tool.test:1"}}, "not public"},
		{"tool.test", webhook.Options{Allow: []string{"other.test:PORT"}}, "not public"},
		{"tool.test", webhook.Options{}, "not public"},
		{"TOOL.test", webhook.Options{}, "not public"},
		{"127.1", webhook.Options{}, ""}, // whatever a resolver makes of it, it is not called
	} {
		t.Run(tc.host, func(t *testing.T) {
			t.Parallel()
			port, connected := endpointOn(t)
			for i, a := range tc.o.Allow {
				tc.o.Allow[i] = strings.ReplaceAll(a, "PORT", port)
			}
			tool := lights()
			tool.URL = "http://" + tc.host + ":" + port + "/x"
			ts, err := webhook.NewWithResolver([]webhook.Tool{tool}, tc.o, resolver(t, func() netip.Addr { return netip.MustParseAddr("127.0.0.1") }))
			if err != nil {
				t.Fatal(err)
			}
			defer ts.Close()
			out, err := call(t.Context(), t, ts)
			switch {
			case tc.host == "127.1":
				if err == nil || connected.Load() != 0 {
					t.Errorf("gave %q, %v", out, err)
				}
			case tc.says != "":
				if wantError(t, err, tc.says); connected.Load() != 0 {
					t.Errorf("%d connections were opened", connected.Load())
				}
			case err != nil || out != "on":
				t.Errorf("gave %q, %v", out, err)
			}
		})
	}
}

func TestNameThatChangesItsAddressIsRefused(t *testing.T) {
	t.Parallel()
	port, connected := endpointOn(t)
	// A name that is public whenever somebody looks first, and loopback when the
	// connection is opened.
	lookups := 0
	r := resolver(t, func() netip.Addr {
		if lookups++; lookups == 1 {
			return netip.MustParseAddr("8.8.8.8")
		}
		return netip.MustParseAddr("127.0.0.1")
	})
	if _, err := r.LookupHost(t.Context(), "rebind.test."); err != nil {
		t.Fatal(err)
	}
	tool := lights()
	tool.URL = "http://rebind.test.:" + port
	ts, err := webhook.NewWithResolver([]webhook.Tool{tool}, webhook.Options{}, r)
	if err != nil {
		t.Fatal(err)
	}
	defer ts.Close()
	for range 3 {
		_, err := call(t.Context(), t, ts)
		wantError(t, err, "not public")
	}
	if connected.Load() != 0 || lookups < 2 {
		t.Errorf("%d connections after %d lookups", connected.Load(), lookups)
	}
}

// resolver looks names up at a DNS server in memory that answers every question
// for an IPv4 address with what address gives.
func resolver(t *testing.T, address func() netip.Addr) *net.Resolver {
	t.Helper()
	var wg sync.WaitGroup
	t.Cleanup(wg.Wait)
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		wg.Go(func() {
			defer server.Close()
			for err := error(nil); err == nil; {
				err = serveDNS(server, address)
			}
		})
		return client, nil
	}}
}

// serveDNS answers one question, in the way of DNS over TCP: a pipe is a stream.
func serveDNS(c net.Conn, address func() netip.Addr) error {
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	var size [2]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return err
	}
	q := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(c, q); err != nil {
		return err
	}
	end := 12
	for q[end] != 0 {
		end += int(q[end]) + 1
	}
	end += 5
	kind := binary.BigEndian.Uint16(q[end-4:])
	answers := byte(0)
	var rest []byte
	if kind == 1 {
		answers = 1
		ip := address().As4()
		rest = append([]byte{0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4}, ip[:]...)
	}
	reply := append([]byte{q[0], q[1], 0x81, 0x80, 0, 1, 0, answers, 0, 0, 0, 0}, q[12:end]...)
	reply = append(reply, rest...)
	_, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...))
	return err
}
