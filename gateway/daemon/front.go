package daemon

import (
	"context"
	_ "embed"
	"net/http"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/internal/walrusapi"
	"github.com/redstuff-go/redstuff/node/control/chain"
)

//go:embed page.html
var frontPage []byte

//go:embed page.js
var frontScript []byte

// policy lets the page run its own script, and ask the gateway, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// front serves the page at the gateway's root, and what it shows.
type front struct {
	store   Store
	options Options
	recent  *recent

	mu   sync.Mutex // held while the nodes are asked: those who wait get the same
	at   time.Time
	last *Cluster
}

// fresh is for how long what the nodes say is shown, however many look.
const fresh = time.Second

// getPage answers the page.
func (d *front) getPage(w http.ResponseWriter, r *http.Request) error {
	return d.answer(w, r, "text/html; charset=utf-8", frontPage)
}

// getScript answers the page's script.
func (d *front) getScript(w http.ResponseWriter, r *http.Request) error {
	return d.answer(w, r, "text/javascript; charset=utf-8", frontScript)
}

func (d *front) answer(w http.ResponseWriter, r *http.Request, kind string, text []byte) error {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-cache")
	return answerBytes(w, r, http.StatusOK, text)
}

// getCluster answers how the cluster is.
func (d *front) getCluster(w http.ResponseWriter, r *http.Request) error {
	if err := parseQuery(r).end(); err != nil {
		return err
	}
	c, err := d.look(r.Context())
	if err != nil {
		return err
	}
	shown := *c
	shown.Writes, shown.MaxBlob, shown.Recent = !d.options.NoWrites, d.options.MaxBlob, d.recent.list()
	w.Header().Set("Cache-Control", "no-store")
	walrusapi.JSON(w, http.StatusOK, shown)
	return nil
}

// look asks the nodes, unless somebody has a moment ago.
func (d *front) look(ctx context.Context) (*Cluster, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.last != nil && time.Since(d.at) < fresh {
		return d.last, nil
	}
	c, err := d.store.Cluster(ctx)
	if err != nil {
		return nil, err
	}
	d.last, d.at = c, time.Now()
	return c, nil
}

// Cluster is how a cluster is.
type Cluster struct {
	Network      string   `json:"network"`
	Epoch        uint64   `json:"epoch"`
	Shards       int      `json:"shards"`
	ShardsUp     int      `json:"shards_up"`
	ShardsNeeded int      `json:"shards_needed"` // to store something
	NodesUp      int      `json:"nodes_up"`
	Stored       int64    `json:"stored_bytes"` // of slivers, at all nodes together, as of their last counts
	Free         *uint64  `json:"free_bytes"`   // at all nodes together that know; nil if none does
	Missing      int64    `json:"missing"`      // slivers, at all nodes together
	Members      []Member `json:"members"`
	Ledger       *Ledger  `json:"ledger,omitempty"`

	Writes  bool   `json:"writes"`
	MaxBlob int64  `json:"max_blob"` // bytes of a blob that is stored at once
	Recent  []Kept `json:"recent"`
}

// Member is a node as it is now.
type Member struct {
	Name      string   `json:"name"`
	Address   string   `json:"address"`
	Shards    string   `json:"shards"`
	Weight    int      `json:"weight"` // how many shards
	Up        bool     `json:"up"`
	State     string   `json:"state"`
	Blobs     int64    `json:"stored_blobs"` // as of the node's last count
	Stored    int64    `json:"stored_bytes"` // of slivers
	Free      *uint64  `json:"free_bytes"`   // nil if it is not known
	Missing   int64    `json:"missing"`      // slivers
	Recovered int64    `json:"recovered"`    // slivers
	Uptime    string   `json:"uptime"`
	Migration string   `json:"migration,omitempty"` // how far the node is with the shards of an epoch, if it is not done
	Problems  []string `json:"problems,omitempty"`  // what the node cannot do at present
	Error     string   `json:"error,omitempty"`
}

// Ledger is what a ledger adds.
type Ledger struct {
	Height       uint64 `json:"height"`
	Phase        string `json:"phase"`
	Ends         int64  `json:"next_epoch_seconds"` // until the next epoch begins, at the earliest
	Due          int64  `json:"due_seconds"`        // until time has something to do
	StoragePrice uint64 `json:"storage_price"`      // of a MiB for an epoch
	WritePrice   uint64 `json:"write_price"`        // of a MiB
	Capacity     uint64 `json:"capacity"`           // bytes
	Used         uint64 `json:"used"`               // bytes
	FeePerByte   uint64 `json:"fee_per_byte"`       // of a transaction

	Challenge *chain.ChallengeStatus `json:"challenge,omitempty"` // the last one, if there was any
}

// Kept is a blob that was stored here.
type Kept struct {
	Blob      commit.BlobID `json:"blob_id"`
	Object    ObjectID      `json:"object"`
	Length    uint64        `json:"length"`
	Certified uint32        `json:"certified_epoch"`
	Signers   int           `json:"signers,omitempty"`       // nodes that signed its certificate, if this gateway has seen it
	Signed    int           `json:"signed_shards,omitempty"` // and their shards
	Permanent bool          `json:"permanent"`
	End       uint32        `json:"end_epoch"`
	Time      time.Time     `json:"time"`
}

// maxRecent is how many blobs are remembered.
const maxRecent = 20

// recent are the blobs that were stored last.
type recent struct {
	mu    sync.Mutex
	blobs []Kept // the last one first
}

func (r *recent) add(s *Stored) {
	r.mu.Lock()
	defer r.mu.Unlock()
	one := Kept{
		Blob: s.Blob, Object: s.ID, Length: s.Size, Certified: s.Certified, End: s.End, Time: time.Now().UTC(), Permanent: s.Permanent,
		Signers: s.Signers, Signed: s.SignedShards,
	}
	kept := append(make([]Kept, 0, maxRecent), one)
	for _, b := range r.blobs {
		if b.Object == one.Object && one.Signers == 0 {
			kept[0].Signers, kept[0].Signed = b.Signers, b.Signed
		}
		if b.Object != one.Object && len(kept) < maxRecent {
			kept = append(kept, b)
		}
	}
	r.blobs = kept
}

func (r *recent) list() []Kept {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Kept{}, r.blobs...)
}
