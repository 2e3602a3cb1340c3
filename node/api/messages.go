package api

import (
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
)

// Error is the body of an answer that is not a success.
type Error struct {
	Message string `json:"error"`
	// Proof is the path of a proof, with status 410.
	Proof string `json:"proof,omitempty"`
	// Epoch is the one that the node is in, with status 421.
	Epoch uint64 `json:"epoch,omitempty"`
	// Withheld says, with status 503, that it is served when a challenge is over.
	Withheld bool `json:"withheld,omitempty"`
}

// Health is the answer to a request for a node's health.
type Health struct {
	Name      string `json:"name"`
	PublicKey string `json:"public_key"`
	Network   string `json:"network"`
	Epoch     uint64 `json:"epoch"`
	Committee string `json:"committee"`     // its fingerprint: what members sign is bound to it
	View      string `json:"view"`          // a digest of the epochs, members and writers that the node sees
	You       string `json:"you,omitempty"` // the name by which the node knows who asks
	Shards    int    `json:"shards"`        // n
	Owned     string `json:"owned"`         // the node's shards, such as "0-9"
	State     string `json:"state"`         // one of the states below
	Uptime    string `json:"uptime"`
	Missing   int64  `json:"missing"`   // slivers that the node knows it lacks
	Recovered int64  `json:"recovered"` // slivers recovered since the node started
	// FreeBytes is nil where the store cannot tell how much room there is.
	FreeBytes *uint64 `json:"free_bytes,omitempty"`
	// StoredBlobs and StoredBytes are what the store has, as of the last count: blobs with metadata, and
	// bytes of slivers.
	StoredBlobs int64 `json:"stored_blobs"`
	StoredBytes int64 `json:"stored_bytes"`
	// Migration is how far the node is with the shards of the epoch, where there is a ledger.
	Migration *Migration `json:"migration,omitempty"`
	// Problems are what the node cannot do at present.
	Problems []Problem `json:"problems,omitempty"`
}

// Migration is how far a node is with the shards of an epoch.
type Migration struct {
	Epoch   uint64 `json:"epoch"`
	Settled uint64 `json:"settled"` // the last epoch whose committee is known to have its shards
	Phase   string `json:"phase"`   // waiting, copying, recovering, reporting or done
	Blobs   int64  `json:"blobs"`   // that were looked at, of Total
	Total   int64  `json:"total"`
	Lacking int64  `json:"lacking"` // slivers that nobody gave, and that are recovered
	// Since the node started:
	CopiedSlivers int64    `json:"copied_slivers"`
	CopiedBytes   int64    `json:"copied_bytes"`
	DroppedShards int64    `json:"dropped_shards"`
	Cleared       uint64   `json:"cleared"`             // the last epoch in which the node had nothing of shards that it lost
	Lies          int64    `json:"lies"`                // nodes that gave wrong slivers
	Liars         []string `json:"liars,omitempty"`     // the names of the last of them
	TimeLeft      string   `json:"time_left,omitempty"` // of copying
}

// Problem is something that a node cannot do.
type Problem struct {
	Name    string `json:"name"`    // one word
	Message string `json:"problem"` // what is wrong
	Remedy  string `json:"remedy"`  // what would help
}

// States of a node.
const (
	StateHealthy = "healthy" // has all it should have, as far as it knows
	StateHealing = "healing" // finds out what it lacks, or recovers it
	// StateDiverged: the owners of more than f shards see other committees, members or
	// writers. What the node signs may count for nothing.
	StateDiverged = "diverged"
	StateFailed   = "failed"  // takes no writes: its store failed
	StateClosing  = "closing" // finishes what it has begun
)

// Status is what a node has of a blob.
type Status struct {
	Blob         commit.BlobID `json:"blob"`
	Metadata     bool          `json:"metadata"`
	Length       uint64        `json:"length"` // of the blob, bytes; 0 without metadata
	Primary      []int         `json:"primary"`
	Secondary    []int         `json:"secondary"` // the pairs of which each is stored
	Complete     bool          `json:"complete"`  // all that the node's shards should have
	Certified    bool          `json:"certified"`
	Inconsistent bool          `json:"inconsistent"`
}

// Confirmation is a member's signed attestation.
type Confirmation struct {
	Member    string                `json:"member"`
	Epoch     uint64                `json:"epoch"`
	Committee committee.Fingerprint `json:"committee"` // the signature counts in this one alone
	Signature committee.Signature   `json:"signature"`
}

// BlobList is some of the blobs of a node, in the order of their ids.
//
// A page of all blobs, of certified or of invalid ones is full unless it is the last:
// it has as many entries as were asked for. A page of pending blobs may have any
// number, because most of what the node looks through for it is not pending; Next says
// how far it has looked.
type BlobList struct {
	Blobs []BlobEntry `json:"blobs"`
	More  bool        `json:"more"` // there may be blobs after these
	// Next is the blob after which the next page of pending blobs begins, if there are
	// more.
	Next *commit.BlobID `json:"next,omitempty"`
}

// BlobEntry is a blob of a list. One of the two certificates may be there.
type BlobEntry struct {
	Blob                   commit.BlobID `json:"blob"`
	Certificate            []byte        `json:"certificate,omitempty"`              // that it is stored
	InvalidBlobCertificate []byte        `json:"invalid_blob_certificate,omitempty"` // that it is inconsistent
}

// ListState is which blobs a list is of.
type ListState string

const (
	// ListAll is all blobs that have metadata.
	ListAll ListState = ""
	// ListCertified is the blobs that the node has a certificate of, each with it.
	ListCertified ListState = "certified"
	// ListInvalid is the blobs that are inconsistent, each with the certificate of it.
	ListInvalid ListState = "invalid"
	// ListPending is the blobs without any certificate of which the node has all
	// that its shards should have, so that it would attest them; but none that came so
	// short a time ago that its certificate may be on its way.
	ListPending ListState = "pending"
)

// FormIDs in the query of a list (form=ids) asks for the blobs' ids alone, in bytes, one
// behind the other: of any state but pending. Again as many as were asked for, unless there
// are no more.
const FormIDs = "ids"

// Bounds of lists, and of the answers to batched requests.
const (
	MaxList        = 1000    // blobs in a BlobList
	MaxRequestBody = 4 << 20 // bytes of the body of SymbolRequests
	MaxItems       = 1 << 14 // SymbolRequests in one body
	MaxSymbols     = 1 << 22 // symbols in one answer
)
