package recordings

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"golang.org/x/sync/errgroup"

	"sori/history"
)

// maxUpload bounds one recording, in bytes: an hour of speech. It is read into
// memory: a store wants to know the length, and to hear it again when it failed.
const maxUpload = 256 << 20

// BucketOptions are the choices for a Bucket.
type BucketOptions struct {
	// Getenv reads the environment, where the keys are: AWS_ACCESS_KEY_ID,
	// AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION, AWS_ENDPOINT_URL_S3,
	// AWS_ENDPOINT_URL. Without keys there the file ~/.aws/credentials and then the
	// machine's own role are asked.
	Getenv func(string) string
	// Timeout bounds the wait for an answer, and for more of it once it has begun;
	// 0 is 10 s. A call as a whole is bounded by its context.
	Timeout time.Duration
}

// Bucket keeps recordings in a bucket of an S3-compatible store, under the names
// that a Folder would give them. It is safe for concurrent use, by several
// processes, too.
type Bucket struct {
	core      *minio.Core
	transport *http.Transport
	bucket    string
	prefix    string // "" or "some/where/"
	timeout   time.Duration
	name      string // for people

	once sync.Once
}

// OpenBucket makes a Bucket of an address such as
//
//	s3://bucket/prefix?endpoint=https://minio.example:9000&region=eu-central-1
//
// Without an endpoint it is Amazon's. It does not connect: Check tells.
func OpenBucket(address string, o BucketOptions) (*Bucket, error) {
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Getenv == nil {
		o.Getenv = func(string) string { return "" }
	}
	p, err := parseBucket(address, o.Getenv)
	if err != nil {
		return nil, fmt.Errorf("recordings: %w", err)
	}
	dial := &net.Dialer{Timeout: o.Timeout / 2}
	b := &Bucket{
		bucket: p.bucket, prefix: p.prefix, timeout: o.Timeout, name: p.name,
		transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: dial.DialContext, TLSHandshakeTimeout: o.Timeout / 2,
			ResponseHeaderTimeout: o.Timeout, ExpectContinueTimeout: time.Second, IdleConnTimeout: time.Minute,
			MaxIdleConnsPerHost: 32, MaxConnsPerHost: 128,
			DisableCompression: true, // a compressed answer has no length that could be checked
		},
	}
	b.core, err = minio.NewCore(p.host, &minio.Options{
		Creds: p.credentials, Secure: p.secure, Region: p.region, Transport: b.transport, BucketLookup: p.lookup, MaxRetries: 2,
	})
	if err != nil {
		return nil, fmt.Errorf("recordings: %s: %w", p.name, err)
	}
	b.core.SetAppInfo("sori", "1")
	return b, nil
}

// place is what an address says.
type place struct {
	bucket, prefix, name string
	host, region         string
	secure               bool
	lookup               minio.BucketLookupType
	credentials          *credentials.Credentials
}

const bucketExample = "s3://BUCKET/PREFIX?endpoint=https://HOST:PORT"

func parseBucket(address string, getenv func(string) string) (p place, err error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "s3" || u.Host == "" {
		return p, fmt.Errorf("the address of the bucket should look like %s", bucketExample)
	}
	if u.User != nil {
		return p, errors.New("keys do not belong into the address of a bucket: put them into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	}
	query := u.Query()
	for name := range query {
		if name != "endpoint" && name != "region" && name != "path_style" {
			return p, fmt.Errorf("the address of the bucket has the parameter %q: there are endpoint, region and path_style", name)
		}
	}
	p.bucket = u.Host
	if p.prefix = strings.Trim(path.Clean("/"+u.Path), "/"); p.prefix != "" {
		p.prefix += "/"
	}
	endpoint := first(query.Get("endpoint"), getenv("AWS_ENDPOINT_URL_S3"), getenv("AWS_ENDPOINT_URL"), "https://s3.amazonaws.com")
	e, err := url.Parse(endpoint)
	if err != nil || (e.Scheme != "http" && e.Scheme != "https") || e.Host == "" || strings.Trim(e.Path, "/") != "" || e.User != nil {
		return p, fmt.Errorf("the endpoint %q of the bucket should look like https://HOST:PORT", endpoint)
	}
	p.host, p.secure, p.name = e.Host, e.Scheme == "https", "s3://"+p.bucket+"/"+p.prefix+" at "+e.Host
	p.region = first(query.Get("region"), getenv("AWS_REGION"), getenv("AWS_DEFAULT_REGION"))
	amazon := strings.HasSuffix(e.Hostname(), ".amazonaws.com")
	if p.region == "" && !amazon {
		p.region = "us-east-1" // what such stores say when asked; to ask costs a round trip
	}
	p.lookup = minio.BucketLookupPath // every store understands it; Amazon wants the other
	switch style := query.Get("path_style"); {
	case style == "false", style == "" && amazon:
		p.lookup = minio.BucketLookupDNS
	case style != "" && style != "true":
		return p, fmt.Errorf("path_style is true or false, not %q", style)
	}
	key, secret := getenv("AWS_ACCESS_KEY_ID"), getenv("AWS_SECRET_ACCESS_KEY")
	switch {
	case (key == "") != (secret == ""):
		return p, errors.New("the keys of the bucket: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go together")
	case key != "":
		p.credentials = credentials.NewStaticV4(key, secret, getenv("AWS_SESSION_TOKEN"))
	default:
		p.credentials = credentials.NewChainCredentials([]credentials.Provider{
			&credentials.FileAWSCredentials{}, &credentials.IAM{Client: &http.Client{Timeout: 5 * time.Second}},
		})
	}
	return p, nil
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// String names the bucket for people.
func (b *Bucket) String() string { return b.name }

// Close ends the use of the bucket. It is idempotent.
func (b *Bucket) Close() error {
	b.once.Do(b.transport.CloseIdleConnections)
	return nil
}

// Check says whether the bucket is there and may be used.
func (b *Bucket) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	there, err := b.core.BucketExists(ctx, b.bucket)
	if err != nil {
		return b.explain("look for the bucket", err)
	}
	if !there {
		return fmt.Errorf("recordings: %w: there is no bucket %q at %s: make it, or name another", history.ErrUnavailable, b.bucket, b.name)
	}
	return nil
}

// object names a recording in the bucket.
func (b *Bucket) object(userID, name string) string {
	return b.prefix + folderOf(userID) + "/" + name
}

// Save writes one recording, as Folder.Save does.
func (b *Bucket) Save(ctx context.Context, userID, turnID, kind string, wav io.Reader) (string, error) {
	name, err := nameOf(userID, turnID, kind)
	if err != nil {
		return "", err
	}
	var buf bytes.Buffer
	n, err := buf.ReadFrom(io.LimitReader(obedient{ctx: ctx.Err, from: wav}, maxUpload+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("recordings: save %s: %w", name, err)
	case n > maxUpload:
		return "", fmt.Errorf("recordings: save %s: %w: it has more than %d bytes", name, ErrInvalid, maxUpload)
	}
	_, err = b.core.Client.PutObject(ctx, b.bucket, b.object(userID, name), bytes.NewReader(buf.Bytes()), n, minio.PutObjectOptions{
		ContentType: "audio/wav", DisableMultipart: n < 64<<20,
	})
	if err != nil {
		return "", b.explain("save "+name, err)
	}
	return pathOf(userID, name), nil
}

// DeleteUser removes all recordings of the user. That there are none is no error.
// What is saved meanwhile may survive it.
func (b *Bucket) DeleteUser(ctx context.Context, userID string) error {
	list, err := b.List(ctx, userID)
	if err != nil {
		return err
	}
	// One by one: not every store knows how to delete many at once.
	deleting, ctx := errgroup.WithContext(ctx)
	deleting.SetLimit(8)
	for _, r := range list {
		deleting.Go(func() error { return b.Delete(ctx, userID, r.Name) })
	}
	return deleting.Wait()
}

// Delete removes one recording; that there is none is no error.
func (b *Bucket) Delete(ctx context.Context, userID, name string) error {
	return b.remove(ctx, b.object(userID, name))
}

func (b *Bucket) remove(ctx context.Context, object string) error {
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	if err := b.core.RemoveObject(ctx, b.bucket, object, minio.RemoveObjectOptions{}); err != nil {
		return b.explain("delete "+path.Base(object), err)
	}
	return nil
}

// explain says what an operator can do.
func (b *Bucket) explain(what string, err error) error {
	answer := minio.ToErrorResponse(err)
	switch answer.Code {
	case "NoSuchBucket":
		return fmt.Errorf("recordings: %s: %w: there is no bucket %q at %s: make it, or name another: %w", what, history.ErrUnavailable, b.bucket, b.name, err)
	case "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidTokenId":
		return fmt.Errorf("recordings: %s: %s refuses sori's keys, see AWS_ACCESS_KEY_ID and what its user may do: %w", what, b.name, err)
	case "":
		return fmt.Errorf("recordings: %s: %w: no answer from %s: is it running? %w", what, history.ErrUnavailable, b.name, err)
	default:
		return fmt.Errorf("recordings: %s: %w: %s says %s: %w", what, history.ErrUnavailable, b.name, answer.Code, err)
	}
}
