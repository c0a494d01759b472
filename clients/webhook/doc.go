// Package webhook runs the tools that an operator gives the model: HTTP
// endpoints of their own, named in the configuration.
//
// # The call
//
// A tool is called with
//
//	POST URL
//	Content-Type: application/json
//	Sori-Signature: t=1735689600,v1=5257a8…
//
//	{"user_id": "10", "tool": "lights", "arguments": {"on": true}}
//
// and answers with a status of 2xx and text or JSON, which the model reads. Of
// an answer it reads 32 KiB; a longer one is cut and says so. Any other status
// is a failure: the model hears that the tool failed, and not what the body
// says. A call is made once, never again by itself, since it may have done
// something; a redirect is not followed.
//
// Where the tool has a secret, the call is signed: v1 is the HMAC-SHA256, in
// hexadecimal, of the seconds that t gives, a full stop, and the body, by the
// secret. A receiver computes it anew, compares in constant time, and refuses a
// t that is minutes old.
//
// # Where calls may go
//
// Users talk to the model, and the model calls tools: so a tool must not be a
// way into the operator's own network. Addresses that are not public (loopback,
// private, link-local and with it the cloud's metadata, shared, reserved,
// multicast, and IPv4 inside of IPv6) are refused when the connection is
// opened, after the name was looked up, so that a name that changes its address
// passes no more than one that doesn't. Options.Allow names the hosts for which
// this does not hold, Options.AllowPrivate takes it away. Proxies of the
// environment are not used: behind one nobody sees the address.
package webhook
