package sdk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/internal/walrusapi"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/gate"
	"github.com/redstuff-go/redstuff/node/metadata"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/node/server"
	"github.com/redstuff-go/redstuff/node/server/httpd"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

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

// shared is what all requests are answered by.
type shared struct {
	Config
	params commit.Params
	keeper *metadata.Keeper
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
		{"GET " + blob + "/metadata", read.getMetadata},
		{"PUT " + blob + "/metadata", write.putMetadata},
		{"GET " + blob + "/metadata/status", tell.getMetadataStatus},
		{"GET " + sliver, read.getSliver},
		{"PUT " + sliver, write.putSliver},
		{"GET " + sliver + "/status", tell.getSliverStatus},
		{"GET " + blob + "/confirmation/permanent", confirm.getPermanent},
		{"GET " + blob + "/confirmation/deletable/{object}", confirm.getDeletable},
		{"GET " + blob + "/status", tell.getStatus},
		{"GET " + blob + "/recoverySymbols", symbols.getRecoverySymbols},
		{"GET " + blob + "/decodingSymbols", symbols.getDecodingSymbols},
		{"POST " + blob + "/inconsistencyProof/{axis}", invalidator{all}.postProof},
		{"POST /v1/migrate/sync_shard", syncer{all}.postSync},
		{"GET /v1/health", tell.getHealth},
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
	if !walrusapi.Preflight(w, r) {
		f.mux.ServeHTTP(w, r)
	}
}

// request is one request, and by what it is answered.
type request struct {
	*httpd.Exchange
	view server.View
	id   commit.BlobID // of the path, if it names a blob
}

// handle wraps a handler in limits.
func (f *Face) handle(route string, do func(*request) error) http.Handler {
	return f.http.Handle(route, httpd.Rule{}, func(x *httpd.Exchange) {
		r := &request{Exchange: x, view: f.config.View()}
		var err error
		if text := x.PathValue("id"); text != "" {
			if r.id, err = commit.ParseBlobID(text); err != nil {
				http.Error(r, err.Error(), http.StatusBadRequest)
				return
			}
		}
		if err = do(r); err != nil {
			answerError(f.config.Logger, r, err)
		}
	})
}

// answer answers a value in the envelope of what went well.
func (r *request) answer(code int, data any) {
	walrusapi.JSON(r, code, map[string]any{"success": map[string]any{"code": code, "data": data}})
}

// answerBytes answers bytes.
func (r *request) answerBytes(data []byte) { _ = r.send(nil, data) }

// send answers bytes. It cuts them off if the node falls silent meanwhile, and whoever reads them
// takes too long for it to wait.
func (r *request) send(visit *gate.Visit, data []byte) error {
	r.Header().Set("Content-Type", "application/octet-stream")
	r.Header().Set("Content-Length", fmt.Sprint(len(data)))
	const piece = 1 << 20
	for len(data) > 0 {
		if visit.Err() != nil {
			panic(http.ErrAbortHandler) // the header is out
		}
		n, err := r.Write(data[:min(piece, len(data))])
		if err != nil {
			return nil // whoever does not read it has gone
		}
		data = data[n:]
	}
	return nil
}

// isBCS returns an error if the body is said to be of another type.
func (r *request) isBCS() error {
	kind := r.Request.Header.Get("Content-Type")
	if kind == "" {
		return nil
	}
	if media, _, err := mime.ParseMediaType(kind); err != nil || media != "application/octet-stream" {
		return invalid("INVALID_CONTENT_TYPE", fmt.Sprintf("the body is of type %.80q, want application/octet-stream", kind))
	}
	return nil
}

// badRequest answers what is wrong with a path or a query, in plain text as Walrus does.
func badRequest(r *request, err error) { http.Error(r, err.Error(), http.StatusBadRequest) }

// ref reads which sliver the path names.
func (f *shared) ref(r *request) (ref store.Ref, err error) {
	if ref.Axis, err = api.ParseAxis(r.PathValue("axis")); err == nil {
		ref.Pair, err = api.ParseIndex(r.PathValue("pair"), f.params.N)
	}
	if err != nil {
		return ref, invalid("INDEX_OUT_OF_RANGE", err.Error())
	}
	if r.view.Member < 0 || !placement.Owns(r.view.Committee, r.view.Member, r.id, ref.Pair) {
		return ref, unmet("SHARD_NOT_ASSIGNED", "the pair's shard is another node's")
	}
	return ref, nil
}
