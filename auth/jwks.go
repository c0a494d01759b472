package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"errors"
	"fmt"
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
	keys  keyfunc.Keyfunc
	sieve *sieve
	stop  context.CancelFunc
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
	s := &sieve{RoundTripper: http.DefaultTransport, log: o.Log}
	keys, err := keyfunc.NewDefaultOverrideCtx(ctx, []string{o.URL}, keyfunc.Override{
		Client:          &http.Client{Transport: s, CheckRedirect: noRedirect},
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
	return &JWKS{keys, s, stop}, nil
}

// Close ends the fetching.
func (j *JWKS) Close() { j.stop() }

// keyfunc finds the keys that a token may be signed with: those of the name that
// it gives, or of any where it gives none.
func (j *JWKS) keyfunc(ctx context.Context) jwt.Keyfunc {
	// Who asks may be gone before the keys are there: others wait for them as well.
	ctx = context.WithoutCancel(ctx)
	return func(t *jwt.Token) (any, error) {
		name, err := keyName(t)
		if err != nil {
			return nil, err
		}
		if name != "" {
			_, err = j.keys.Storage().KeyRead(ctx, name) // asks the provider for one that is not known
		}
		if !j.sieve.before.Load() {
			return nil, errNoKeys
		}
		if err != nil {
			return nil, err
		}
		all, err := j.keys.Storage().KeyReadAll(ctx)
		if err != nil {
			return nil, err
		}
		var fit jwt.VerificationKeySet
		for _, k := range all {
			if key := k.Key(); (name == "" || k.Marshal().KID == name) && signs(key, t.Method) {
				fit.Keys = append(fit.Keys, key)
			}
		}
		return fit, nil // an empty set fits nothing
	}
}

// keyName is which key a token says that it was signed with, "" where it does not.
func keyName(t *jwt.Token) (string, error) {
	named, ok := t.Header["kid"]
	if !ok {
		return "", nil
	}
	name, ok := named.(string)
	if !ok || len(name) > maxKID {
		return "", errors.New("auth: the token's kid is no name of a key")
	}
	return name, nil
}

// signs says whether a key is one of the method.
func signs(key any, method jwt.SigningMethod) bool {
	switch key.(type) {
	case *rsa.PublicKey:
		return method == jwt.SigningMethodRS256
	case *ecdsa.PublicKey:
		return method == jwt.SigningMethodES256
	default:
		return false
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

func noRedirect(*http.Request, []*http.Request) error {
	return errors.New("auth: the JWKS URL leads elsewhere: give the address that it leads to")
}
