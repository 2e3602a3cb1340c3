package sdk

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/internal/walrusapi"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/gate"
	"github.com/redstuff-go/redstuff/node/metadata"
	"github.com/redstuff-go/redstuff/node/server"
	"github.com/redstuff-go/redstuff/node/server/httpd"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

//go:embed openapi.json
var openAPI []byte

// Store is what a face needs of the node's store, see store.Store.
type Store interface {
	Apply(id commit.BlobID, u store.Update) error
	Info(id commit.BlobID) (store.Info, error)
	Record(id commit.BlobID, r store.Record) ([]byte, error)
	Size(id commit.BlobID, ref store.Ref) (int64, error)
	Read(dst []byte, id commit.BlobID, ref store.Ref, off, n int64) ([]byte, error)
	Shard(shard int, after *commit.BlobID, limit int) ([]store.ShardEntry, error)
	Usage(writer string) (store.Usage, error)
	Free() (uint64, bool)
}

// Signer attests what the node has, see committee.Signer.
type Signer interface {
	Public() committee.PublicKey
	Attest(c *committee.Committee, a committee.Attestation) committee.Signature
}

// Ledger tells what is registered, see chain.Ledger.
type Ledger interface {
	Blob(ctx context.Context, id commit.BlobID) (chain.Blob, error)
}

// Blocked tells blobs that are blocked from others. It is safe for concurrent use.
type Blocked interface {
	Has(id commit.BlobID) bool
}

// Config is what a face is made of. The first five must be set.
type Config struct {
	View   func() server.View // the committee at present; called once for each request
	Store  Store
	Signer Signer
	Code   *rs2d.Code // of Walrus's scheme
	// Corrupt has a sliver recovered that could not be read back.
	Corrupt func(id commit.BlobID, ref store.Ref)

	// Metadata returns all of the metadata of a blob of which the node keeps a part, and takes
	// the time that it takes. It must be set where nodes keep parts.
	Metadata func(ctx context.Context, id commit.BlobID) (*commit.Metadata, error)

	// Registry and Ledger, where there is one, say which blobs may be stored, and what is
	// known of them. Without them, whoever has one of the tokens may store any.
	Registry control.Registry
	Ledger   Ledger
	Tokens   []string

	// Gate says what the node withholds while members prove what they store; nil if it never
	// does.
	Gate *gate.Gate

	// Blocked are the blobs that the node's operator does not give out by the face, and does not
	// take; nil is none.
	Blocked Blocked

	// PendingQuota is how many bytes of blobs without a certificate each token may have
	// sent; the default is an eighth of what is free on the disk.
	PendingQuota int64

	HTTP    httpd.Options // Fail and Logger are set by the face
	State   func() string // of the node, see package api; nil is that it is healthy
	Started time.Time     // of the node, for its uptime; default now
	Logger  *slog.Logger  // default drops all
}

// fill sets defaults and checks the rest.
func (c *Config) fill() error {
	for _, field := range []struct {
		name string
		set  bool
	}{
		{"View", c.View != nil}, {"Store", c.Store != nil}, {"Signer", c.Signer != nil}, {"Code", c.Code != nil},
		{"Corrupt", c.Corrupt != nil},
	} {
		if !field.set {
			return fmt.Errorf("sdk: Config.%s must be set", field.name)
		}
	}
	if got := c.Code.Scheme(); got != commit.Walrus {
		return fmt.Errorf("sdk: Walrus's clients know the scheme %v only, and the network's is %v", commit.Walrus, got)
	}
	if c.Metadata == nil && c.View().System().Metadata != committee.Full {
		return errors.New("sdk: Config.Metadata must be set where nodes keep parts of metadata")
	}
	if (c.Registry == nil) != (c.Ledger == nil) {
		return errors.New("sdk: Config.Registry and Config.Ledger go together")
	}
	for _, token := range c.Tokens {
		if len(token) < minToken {
			return fmt.Errorf("sdk: a token of %d characters can be guessed: want %d at least", len(token), minToken)
		}
	}
	if c.PendingQuota < 0 {
		return errors.New("sdk: Config.PendingQuota must not be negative")
	}
	if c.Started.IsZero() {
		c.Started = time.Now()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

// minToken is the least length of a token, bytes.
const minToken = 16

// Face serves the API. Its server of HTTP bounds what is spent on whom.
type Face struct {
	config Config
	http   *httpd.Server
	mux    *http.ServeMux
}

// New returns a face, which listens to nothing. The error names a field of the
// configuration.
func New(c Config) (*Face, error) {
	if err := c.fill(); err != nil {
		return nil, err
	}
	hasher, err := commit.NewHasher(commit.Walrus, "")
	if err != nil {
		return nil, fmt.Errorf("sdk: %w", err)
	}
	document, err := walrusapi.NewDocument(openAPI)
	if err != nil {
		return nil, err
	}
	f := &Face{config: c, mux: http.NewServeMux()}
	c.HTTP.Fail, c.HTTP.Logger = fail, c.Logger
	if f.http, err = httpd.New(c.HTTP); err != nil {
		return nil, err
	}
	keeper, err := metadata.NewKeeper(c.Store, c.View().System(), hasher)
	if err != nil {
		return nil, fmt.Errorf("sdk: %w", err)
	}
	all := &shared{c, c.Code.Params(), keeper}
	allowed := newAdmitter(all)
	read, write, confirm, tell := reader{all}, writer{allowed}, confirmer{allowed}, teller{all}
	symbols := recoverer{all}
	const blob, sliver = "/v1/blobs/{id}", "/v1/blobs/{id}/slivers/{pair}/{axis}"
	for _, route := range []struct {
		pattern string
		do      func(*request) error
	}{
		{"GET " + blob + "/metadata", f.vetted(read.getMetadata)},
		{"PUT " + blob + "/metadata", f.vetted(write.putMetadata)},
		{"GET " + blob + "/metadata/status", f.vetted(tell.getMetadataStatus)},
		{"GET " + sliver, f.vetted(read.getSliver)},
		{"PUT " + sliver, f.vetted(write.putSliver)},
		{"GET " + sliver + "/status", f.vetted(tell.getSliverStatus)},
		{"GET " + blob + "/confirmation/permanent", f.vetted(confirm.getPermanent)},
		{"GET " + blob + "/confirmation/deletable/{object}", f.vetted(confirm.getDeletable)},
		{"GET " + blob + "/recoverySymbols", f.vetted(symbols.getRecoverySymbols)},
		{"GET " + blob + "/decodingSymbols", f.vetted(symbols.getDecodingSymbols)},
		{"GET " + blob + "/status", tell.getStatus},
		{"POST " + blob + "/inconsistencyProof/{axis}", invalidator{all}.postProof},
		{"POST /v1/migrate/sync_shard", syncer{all}.postSync},
		{"GET /v1/health", tell.getHealth},
		{"GET /v1/api", func(r *request) error { document.ServeHTTP(r, r.Request); return nil }},
	} {
		f.mux.Handle(route.pattern, f.handle(route.pattern, route.do))
	}
	return f, nil
}

// HTTP returns what serves the face's handler.
func (f *Face) HTTP() *httpd.Server { return f.http }

// ServeHTTP serves one request. It is for the server that HTTP returns.
func (f *Face) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	walrusapi.AllowOrigins(w)
	if walrusapi.Preflight(w, r) {
		return
	}
	if _, pattern := f.mux.Handler(r); pattern == "" {
		w = bare{w}
	}
	f.mux.ServeHTTP(w, r)
}

// bare answers a status, and no words: Walrus's nodes have none for paths and methods that there
// are not.
type bare struct{ http.ResponseWriter }

func (b bare) WriteHeader(code int) {
	b.Header().Del("Content-Type")
	b.Header().Set("Content-Length", "0")
	b.ResponseWriter.WriteHeader(code)
}

func (b bare) Write(data []byte) (int, error) { return len(data), nil }

// vetted refuses blobs that are blocked. Whether there is one is no secret, and that it is invalid is
// everybody's to know: only what stores it, or gives it out, is vetted.
func (f *Face) vetted(do func(*request) error) func(*request) error {
	if f.config.Blocked == nil {
		return do
	}
	return func(r *request) error {
		if f.config.Blocked.Has(r.id) {
			return failure(http.StatusUnavailableForLegalReasons, "UNAVAILABLE_FOR_LEGAL_REASONS", "FORBIDDEN_BLOB", "the operator of this node has blocked the blob")
		}
		return do(r)
	}
}

// handle wraps a handler in limits.
func (f *Face) handle(route string, do func(*request) error) http.Handler {
	return f.http.Handle(route, httpd.Rule{}, func(x *httpd.Exchange) {
		r := &request{Exchange: x, view: f.config.View()}
		var err error
		if text := x.PathValue("id"); text != "" {
			if r.id, err = commit.ParseBlobID(text); err != nil {
				walrusapi.Text(r, http.StatusBadRequest, err.Error())
				return
			}
		}
		if err = do(r); err != nil {
			answerError(f.config.Logger, r, err)
		}
	})
}
