package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"
)

// JWKSOptions say where the keys of an identity provider are.
type JWKSOptions struct {
	URL string
	// Refresh is how often the keys are fetched; 0 is 15 minutes. A token with a
	// key that is not known makes for one more fetch, at most every Unknown; 0 is
	// 10 s.
	Refresh, Unknown time.Duration
	Log              *slog.Logger // nil discards what goes wrong
}

// JWKS are the keys of an identity provider, which change from time to time.
type JWKS struct {
	keys keyfunc.Keyfunc
	stop context.CancelFunc
}

const (
	fetchTimeout = 3 * time.Second
	maxJWKS      = 1 << 20 // bytes
)

// errNoKeys says that the provider's keys are not there to check anything with.
var errNoKeys = errors.New("auth: the identity provider's keys could not be fetched")

// OpenJWKS fetches the keys, and goes on doing so until Close. A provider that
// does not answer now may answer later: that is no error.
func OpenJWKS(ctx context.Context, o JWKSOptions) (*JWKS, error) {
	if err := checkJWKS(o.URL); err != nil {
		return nil, err
	}
	if o.Refresh <= 0 {
		o.Refresh = 15 * time.Minute
	}
	if o.Unknown <= 0 {
		o.Unknown = 10 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	keys, err := keyfunc.NewDefaultOverrideCtx(ctx, []string{o.URL}, keyfunc.Override{
		Client:          &http.Client{Transport: bounded{http.DefaultTransport}, CheckRedirect: noRedirect},
		HTTPTimeout:     fetchTimeout,
		RefreshInterval: o.Refresh,
		// The library's wait for the limiter and for the fetch behind it.
		RateLimitWaitMax:  fetchTimeout,
		RefreshUnknownKID: rate.NewLimiter(rate.Every(o.Unknown), 1),
		RefreshErrorHandlerFunc: func(string) func(context.Context, error) {
			return func(ctx context.Context, err error) {
				if e, ok := errors.AsType[*url.Error](err); ok {
					err = e.Err // the URL may hold what is not for the log
				}
				o.Log.WarnContext(ctx, "identity provider's keys not fetched", "error", err)
			}
		},
	})
	if err != nil {
		stop()
		return nil, fmt.Errorf("auth: the JWKS URL: %w", err)
	}
	return &JWKS{keys, stop}, nil
}

// Close ends the fetching.
func (j *JWKS) Close() { j.stop() }

// keyfunc finds the key of a token.
func (j *JWKS) keyfunc(ctx context.Context) jwt.Keyfunc {
	find := j.keys.KeyfuncCtx(ctx)
	return func(t *jwt.Token) (any, error) {
		key, err := find(t)
		if err == nil {
			return key, nil
		}
		if all, e := j.keys.Storage().KeyReadAll(ctx); e == nil && len(all) == 0 {
			return nil, errNoKeys
		}
		return nil, err
	}
}

// checkJWKS wants the keys to come unchanged: by TLS, or from this machine.
func checkJWKS(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "":
		return errors.New("auth: the JWKS URL is no URL: it looks like https://id.example.com/.well-known/jwks.json")
	case u.Scheme == "https", u.Scheme == "http" && loopback(u.Hostname()):
		return nil
	default:
		return errors.New("auth: the JWKS URL has to be https: whoever can change the keys on their way can make any token")
	}
}

// bounded ends answers that are too long.
type bounded struct{ http.RoundTripper }

// RoundTrip makes one request.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, maxJWKS), resp.Body}
	}
	return resp, err
}

func noRedirect(*http.Request, []*http.Request) error {
	return errors.New("auth: the JWKS URL leads elsewhere: give the address that it leads to")
}
