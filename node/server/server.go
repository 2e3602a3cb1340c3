package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control"
	"github.com/redstuff-go/redstuff/node/epoch"
	"github.com/redstuff-go/redstuff/node/gate"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/metadata"
	"github.com/redstuff-go/redstuff/node/server/httpd"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// Store is what a server needs of a store, see store.Store.
type Store interface {
	Apply(id commit.BlobID, u store.Update) error
	ApplyAll(updates []store.BlobUpdate) error
	Stage(id commit.BlobID) store.Stage
	Info(id commit.BlobID) (store.Info, error)
	Record(id commit.BlobID, r store.Record) ([]byte, error)
	Size(id commit.BlobID, ref store.Ref) (int64, error)
	Read(dst []byte, id commit.BlobID, ref store.Ref, off, n int64) ([]byte, error)
	Delete(id commit.BlobID, when func(store.Info) bool) (bool, error)
	Usage(writer string) (store.Usage, error)
	Pending(before time.Time, limit int) ([]commit.BlobID, error)
	Free() (uint64, bool)
	Blobs(after *commit.BlobID, limit int) ([]commit.BlobID, error)
	BlobsWith(r store.Record, after *commit.BlobID, limit int) ([]commit.BlobID, error)
}

// Signer attests what the node has, see committee.Signer.
type Signer interface {
	Attest(c *committee.Committee, a committee.Attestation) committee.Signature
	AttestBatch(c *committee.Committee, batch []committee.Attestation) committee.Signature
}

// Verifier verifies certificates, see committee.BatchVerifier.
type Verifier interface {
	ParseCertificate(committees committee.Committees, data []byte) (*committee.Certificate, error)
	ParseCertificates(committees committee.Committees, data [][]byte) ([]*committee.Certificate, []error)
}

// Healer recovers what the node lacks. Its methods return at once.
type Healer interface {
	// Enqueue has a blob healed, if it is certified.
	Enqueue(id commit.BlobID)
	// Corrupt has a sliver recovered that could not be read back.
	Corrupt(id commit.BlobID, ref store.Ref)
}

// Challenges takes part in challenges, see prove.Prover.
type Challenges interface {
	// Answer takes a message of a member in the challenge that was armed at a height. The
	// error says that it is to be sent again.
	Answer(member committee.NodeID, height uint64, message []byte) ([]byte, error)
}

// Config is what a server is made of. All but the last ten must be set.
type Config struct {
	View     func() View // the committee at present; called once for each request
	Store    Store
	Signer   Signer
	Verifier Verifier
	Healer   Healer
	Code     *rs2d.Code
	Hasher   *commit.Hasher    // of the code's scheme
	Health   func() api.Health // how the node is

	// MarkInvalid stores a verified certificate that the blob is inconsistent, and
	// removes what is of no use any more.
	MarkInvalid func(id commit.BlobID, certificate []byte) error

	// Registry, if there is one, says which blobs may be stored, whoever sends them, and
	// which are certified: nodes take no certificates then. Without one, all may be stored
	// that writers of the view send.
	Registry control.Registry

	// Gate, if there is one, says what is withheld while members prove what they store, and
	// Challenges takes what they send each other for that.
	Gate       *gate.Gate
	Challenges Challenges

	// PendingQuota is how many bytes of blobs without a certificate a writer may have; the
	// default is an eighth of what is free on the disk. PendingAge is the time after which
	// CleanPending removes them; default a day.
	PendingQuota int64
	PendingAge   time.Duration

	// WriteTime is how long a write may take: blobs that came since are not listed as pending,
	// as whoever stores them is about to bring their certificates.
	WriteTime time.Duration

	HTTP      httpd.Options // Identify, Fail, Metrics and Logger are set by the server
	Plaintext bool          // everybody may write
	Metrics   *prometheus.Registry
	Logger    *slog.Logger
}

// fill sets defaults and checks the rest.
func (c *Config) fill() error {
	for _, field := range []struct {
		name string
		set  bool
	}{
		{"View", c.View != nil}, {"Store", c.Store != nil}, {"Signer", c.Signer != nil},
		{"Verifier", c.Verifier != nil}, {"Healer", c.Healer != nil}, {"Code", c.Code != nil}, {"Hasher", c.Hasher != nil},
		{"Health", c.Health != nil}, {"MarkInvalid", c.MarkInvalid != nil},
	} {
		if !field.set {
			return fmt.Errorf("server: Config.%s must be set", field.name)
		}
	}
	if n := c.View().Params().N; n != c.Code.Params().N {
		return fmt.Errorf("server: Config.Code is for %d shards, and the committee has %d", c.Code.Params().N, n)
	}
	if c.PendingQuota < 0 || c.PendingAge < 0 || c.WriteTime < 0 {
		return errors.New("server: Config.PendingQuota, PendingAge and WriteTime must not be negative")
	}
	if c.PendingAge == 0 {
		c.PendingAge = 24 * time.Hour
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Metrics == nil {
		c.Metrics = prometheus.NewRegistry()
	}
	return nil
}

// Server answers the requests of package api.
type Server struct {
	config  Config
	http    *httpd.Server
	blobs   *blobs
	handler http.Handler
}

// New returns a server. It listens to nothing. The error names a field of the
// configuration that is missing or out of range.
func New(c Config) (*Server, error) {
	if err := c.fill(); err != nil {
		return nil, err
	}
	c.HTTP.Fail, c.HTTP.Metrics, c.HTTP.Logger = fail, c.Metrics, c.Logger
	s := &Server{config: c}
	c.HTTP.Identify = s.identify
	var err error
	if s.http, err = httpd.New(c.HTTP); err != nil {
		return nil, err
	}
	view := c.View()
	keeper, err := metadata.NewKeeper(c.Store, view.System(), c.Hasher)
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	s.blobs = &blobs{
		store: c.Store, healer: c.Healer, params: view.Params(), keeper: keeper,
		cache: newMetadataCache(view.Params().N), metrics: newMetrics(c.Metrics), log: c.Logger,
		starves: s.http.Starves, gate: c.Gate,
	}
	s.handler = s.routes()
	return s, nil
}

// HTTP returns the server of HTTP that bounds what is spent on whom.
func (s *Server) HTTP() *httpd.Server { return s.http }

// Handler returns the endpoints of package api.
func (s *Server) Handler() http.Handler { return s.handler }

// fullFor is for how long a disk counts as full after it refused a write.
const fullFor = time.Minute

// Problems says what the server cannot do at present, and what would help. It is empty if
// all is well.
func (s *Server) Problems() []httpd.Problem {
	list := s.http.Problems()
	if at := s.blobs.full.Load(); at != 0 && time.Since(time.Unix(0, at)) < fullFor {
		list = append(list, httpd.Problem{
			Name: "disk", Message: "the disk is full up to the reserve: writes are refused, reads are served",
			Remedy: "free or add room on the disk of the store",
		})
	}
	return list
}

// Metadata returns what the node has of a blob's metadata, verified. The error wraps
// store.ErrNotFound, or store.ErrCorrupt if what is stored is not the blob's.
func (s *Server) Metadata(id commit.BlobID) (*metadata.Kept, error) { return s.blobs.kept(id) }

// Remember keeps all of a blob's metadata in memory for a while, which was verified.
func (s *Server) Remember(id commit.BlobID, meta *commit.Metadata) { s.blobs.cache.put(id, meta) }

// Forget drops what the server remembers of a blob that is no longer in the store.
func (s *Server) Forget(id commit.BlobID) { s.blobs.cache.remove(id) }

// access says what a route asks for before its handler runs.
type access uint8

const (
	writers            access = 1 << iota // only members and clients of the committee
	unlimited                             // served however busy the node is
	ofBlob                                // {id} in the path
	refuseInconsistent                    // 410 for blobs with a certificate that they are inconsistent
	ofHolders                             // served also by a node that had shards before, or will have
)

// routes connects the paths of package api.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	plain := func(method, path string, kind access, h func(*request)) {
		route := method + " " + path
		mux.Handle(route, s.handle(route, kind, h))
	}
	blob := func(method, rest string, kind access, h func(*request)) {
		plain(method, api.BlobsPath+"/{id}"+rest, kind|ofBlob, h)
	}
	read, confirm := &reader{s.blobs}, &confirmer{s.blobs, s.config.Signer, s.config.Registry}
	list := &lister{blobs: s.blobs, certified: store.Certificate, writeTime: s.config.WriteTime}
	if s.config.Registry != nil {
		list.certified = store.Registered
	}
	symbols := &symbolServer{blobs: s.blobs, code: s.config.Code}
	invalid := &invalidator{blobs: s.blobs, code: s.config.Code, mark: s.config.MarkInvalid, confirm: confirm}
	write := &writer{
		blobs: s.blobs, code: s.config.Code, confirm: confirm,
		quota: s.config.PendingQuota, age: s.config.PendingAge,
	}
	certificates := &certificates{blobs: s.blobs, verifier: s.config.Verifier, registry: s.config.Registry}
	// Whoever has paid for a blob may send it.
	senders := writers
	if s.config.Registry != nil {
		senders = 0
	}
	plain("GET", api.HealthPath, unlimited, s.getHealth)
	plain("GET", api.BlobsPath, ofHolders, list.get)
	plain("POST", api.SymbolsPath, ofHolders|writers, symbols.post)
	plain("POST", api.PagesPath, ofHolders, (&pager{s.blobs, s.config.Plaintext}).post)
	plain("PUT", api.BlobsPath, writers, batcher{write}.put)
	if s.config.Challenges != nil {
		plain("POST", api.ChallengePath, writers, (&challenged{s.config.Challenges}).post)
	}
	blob("PUT", "", senders|refuseInconsistent, write.putBlob)
	blob("GET", api.StatusPath, ofHolders, read.getStatus)
	blob("GET", api.MetadataPath, ofHolders, read.getMetadata) // who verifies a proof of inconsistency needs it
	blob("GET", api.PartsPath, ofHolders, read.getParts)
	blob("PUT", api.MetadataPath, senders|refuseInconsistent, write.putMetadata)
	blob("GET", api.SliversPath, ofHolders|refuseInconsistent, read.getSlivers)
	blob("GET", api.SliversPath+"/{pair}/{axis}", ofHolders|refuseInconsistent, read.getSliver)
	blob("PUT", api.SliversPath+"/{pair}/{axis}", senders|refuseInconsistent, write.putSliver)
	blob("GET", api.ConfirmationPath, refuseInconsistent, confirm.get)
	blob("GET", api.CertificatePath, ofHolders, read.getRecord(store.Certificate))
	plain("PUT", api.CertificatesPath, writers, certificates.putMany)
	blob("PUT", api.CertificatePath, writers|refuseInconsistent, certificates.put)
	blob("GET", api.RecoveryPath, ofHolders|refuseInconsistent, symbols.getProven)
	blob("GET", api.DecodingPath, ofHolders|refuseInconsistent, symbols.getPlain)
	blob("GET", api.ProofPath, ofHolders, read.getRecord(store.Proof))
	blob("PUT", api.ProofPath, writers, invalid.putProof)
	blob("GET", api.InvalidBlobCertificatePath, ofHolders, read.getRecord(store.InvalidBlobCertificate))
	blob("PUT", api.InvalidBlobCertificatePath, writers, func(r *request) { invalid.putCertificate(r, certificates) })
	mux.Handle("/", s.handle("unknown", unlimited, func(r *request) {
		r.Fail(http.StatusNotFound, "no such path or method")
	}))
	return mux
}

// AdminHealth answers with the node's health, for operators.
func (s *Server) AdminHealth() http.Handler { return s.handle("admin health", unlimited, s.getHealth) }

func (s *Server) getHealth(r *request) {
	h := s.config.Health()
	if r.Party.Class != httpd.Stranger && !s.config.Plaintext {
		h.You = r.Party.Name
	}
	r.answer(http.StatusOK, h)
}

// handle wraps a handler in limits, authorization and metrics.
func (s *Server) handle(route string, kind access, h func(*request)) http.Handler {
	rule := httpd.Rule{Unlimited: kind&unlimited != 0}
	if kind&writers != 0 {
		rule.Least = httpd.Client
	}
	return s.http.Handle(route, rule, func(x *httpd.Exchange) {
		r := &request{Exchange: x, view: s.config.View()}
		defer func() { r.visit.Leave() }()
		if s.admit(r, kind) {
			h(r)
		}
	})
}

// admit checks what the route asks for, and answers if it is not met.
func (s *Server) admit(r *request, kind access) bool {
	if kind&unlimited == 0 && r.view.Member < 0 && (kind&ofHolders == 0 || len(r.view.seats()) == 0) {
		r.misdirected(fmt.Sprintf("the node is no member of the committee of epoch %d", r.view.Epoch()))
		return false
	}
	if kind&ofBlob != 0 {
		id, err := commit.ParseBlobID(r.PathValue("id"))
		if err != nil {
			r.Fail(http.StatusBadRequest, err.Error())
			return false
		}
		r.id = id
	}
	if kind&refuseInconsistent != 0 {
		info, err := s.config.Store.Info(r.id)
		if err != nil {
			s.blobs.fail(r, err)
			return false
		}
		if info.Has(store.InvalidBlobCertificate) {
			r.gone()
			return false
		}
	}
	return true
}

// identify tells who is at the other end of a connection.
func (s *Server) identify(state *tls.ConnectionState) httpd.Party {
	if s.config.Plaintext {
		return httpd.Party{Class: httpd.Client}
	}
	key, _ := identity.PeerKey(state) // the zero key is nobody's
	switch who := s.config.View().Epochs.Identify(key); who.Role {
	case epoch.Member:
		return httpd.Party{Class: httpd.Member, Name: who.Name, ID: who.Node}
	case epoch.Writer:
		return httpd.Party{Class: httpd.Client, Name: who.Name}
	}
	if r := s.config.Registry; r != nil && r.Account(key) {
		return httpd.Party{Class: httpd.Client, Name: key.String()}
	}
	return httpd.Party{}
}
