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
}

// Health is the answer to a request for a node's health.
type Health struct {
	Name      string `json:"name"`
	PublicKey string `json:"publicKey"`
	Epoch     uint64 `json:"epoch"`
	Shards    int    `json:"shards"` // n
	Owned     string `json:"owned"`  // the node's shards, such as "0-9"
	State     string `json:"state"`  // one of the states below
	Uptime    string `json:"uptime"`
	Missing   int64  `json:"missing"`   // slivers that the node knows it lacks
	Recovered int64  `json:"recovered"` // slivers recovered since the node started
	FreeBytes uint64 `json:"freeBytes,omitempty"`
}

// States of a node.
const (
	StateHealthy = "healthy" // has all it should have, as far as it knows
	StateHealing = "healing" // finds out what it lacks, or recovers it
	StateFailed  = "failed"  // takes no writes: its store failed
	StateClosing = "closing" // finishes what it has begun
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
	Member    string              `json:"member"`
	Signature committee.Signature `json:"signature"`
}

// BlobList is some of the blobs of a node, in the order of their ids.
type BlobList struct {
	Blobs []BlobEntry `json:"blobs"`
	More  bool        `json:"more"` // there may be blobs after the last of these
}

// BlobEntry is a blob of a list. One of certificate and verdict may be there.
type BlobEntry struct {
	Blob        commit.BlobID `json:"blob"`
	Certificate []byte        `json:"certificate,omitempty"` // that it is stored
	Verdict     []byte        `json:"verdict,omitempty"`     // that it is inconsistent
}

// Bounds of lists, and of the answers to batched requests.
const (
	MaxList        = 1000    // blobs in a BlobList
	MaxRequestBody = 4 << 20 // bytes of the body of SymbolRequests
	MaxItems       = 1 << 14 // SymbolRequests in one body
	MaxSymbols     = 1 << 22 // symbols in one answer
)
