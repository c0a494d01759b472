package webhook

import (
	"context"
	"net"
)

// NewWithDial is New with connections that dial opens, so that the network can
// be one in memory.
func NewWithDial(list []Tool, o Options, dial func(ctx context.Context, network, address string) (net.Conn, error)) (*Tools, error) {
	allowed, err := allowList(o.Allow)
	if err != nil {
		return nil, err
	}
	return newTools(list, o, allowed, dial)
}

// NewWithResolver is New with names that r looks up.
func NewWithResolver(list []Tool, o Options, r *net.Resolver) (*Tools, error) {
	allowed, err := allowList(o.Allow)
	if err != nil {
		return nil, err
	}
	d := newDialer(o.AllowPrivate, allowed)
	d.plain.Resolver, d.guarded.Resolver = r, r
	return newTools(list, o, allowed, d.Dial)
}
