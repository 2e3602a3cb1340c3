package daemon

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
)

// Store is what the API stands before. Its methods are safe for concurrent use, and their
// errors those of a client of the cluster: client.ErrNotFound, client.ErrUnavailable and
// the like.
type Store interface {
	// Params returns the parameters of the code.
	Params() commit.Params
	// Put stores a blob, and returns when it can be read whatever f shards do.
	Put(ctx context.Context, blob []byte, o PutOptions) (*Stored, error)
	// PutFrom is Put for the first size bytes of src, which need not fit into memory, and do
	// not change. Where nothing but the blob tells its id, it may say of a blob that is there
	// that it is new.
	PutFrom(ctx context.Context, src io.ReaderAt, size int64, o PutOptions) (*Stored, error)
	// Free ends a record that Put has made, if it is there still, the store's own, and not
	// permanent: then the nodes drop the blob, unless there are other records of it. Without a
	// ledger nothing happens, and blobs stay.
	Free(ctx context.Context, id commit.BlobID, object ObjectID) error
	// Metadata returns the metadata of a blob that is stored, verified against its id.
	Metadata(ctx context.Context, id commit.BlobID) (*commit.Metadata, error)
	// Read returns a blob: the bytes that have the id, and no others.
	Read(ctx context.Context, id commit.BlobID) ([]byte, error)
	// ReadRange returns n bytes from off on, verified against the id.
	ReadRange(ctx context.Context, id commit.BlobID, off, n uint64) ([]byte, error)
	// Stream writes a part of a blob in memory that does not grow with it: each piece of it is
	// verified against the id before. Other errors may be those of w.
	Stream(ctx context.Context, id commit.BlobID, w io.Writer, p Part) error
	// ReadColumns returns columns [from, to) of the message matrix, one after another,
	// verified against the id.
	ReadColumns(ctx context.Context, id commit.BlobID, from, to int) ([]byte, error)
	// Relay stores a blob that its owner has registered, as the object if it may be deleted,
	// and returns the certificate, which nobody else gets. The blob is that of PutFrom.
	Relay(ctx context.Context, src io.ReaderAt, size int64, id commit.BlobID, object *ObjectID) (*Certificate, error)
	// Certify takes the certificate of a blob that its owner has stored, and where there is a
	// ledger, registered as the object, which may be nil if the certificate names it; or the
	// certificate that there is no such blob, which nobody can read then.
	Certify(ctx context.Context, id commit.BlobID, object *ObjectID, c *Certificate) error
	// Cluster returns how the nodes are.
	Cluster(ctx context.Context) (*Cluster, error)
	// Object returns what is known of a blob's record. The error wraps client.ErrNotFound
	// if there is no such record.
	Object(ctx context.Context, id ObjectID) (*Object, error)
}

// PutOptions say for how long a blob is to be stored, and whose it is to be.
type PutOptions struct {
	Epochs    uint32    // from the current one on
	Permanent bool      // nobody can delete it before
	Force     bool      // make a record although there is one that lasts as long
	Owner     *ObjectID // to whom the record goes; nil leaves it to the store's own account
	Share     bool      // the record becomes nobody's: everybody may extend it
	Reuse     bool      // the account's records are extended that end too early, and its storage is used, before any is bought

	// Vet, if it is not nil, is called with the blob's id before anything is stored. Its error ends
	// the write.
	Vet func(id commit.BlobID) error

	// Registering, if it is not nil, is called before a blob is registered on a ledger, with the
	// records of it that are there already: whoever keeps what it is told finds again what a
	// crash leaves behind. Its error ends the write.
	Registering func(id commit.BlobID, there []ObjectID) error
}

// Stored is what became of a blob that was stored.
type Stored struct {
	Object
	New         bool      // this call made the record, had it certified, or extended it
	Operation   Operation // what was done for it, if New
	Epochs      uint32    // for which storage was bought
	EncodedSize uint64    // bytes that the blob takes
	Cost        uint64    // what was paid

	Signers, SignedShards int // nodes that signed the certificate, and their shards; 0 if it was there before
}

// signed notes who has signed the certificate. Of another committee's nobody here knows.
func (s *Stored) signed(of *committee.Committee, c *committee.Certificate) {
	if of.Epoch() != c.Epoch {
		return
	}
	for i := range of.Len() {
		if c.Signed(i) {
			s.Signers, s.SignedShards = s.Signers+1, s.SignedShards+of.Weight(i)
		}
	}
}

// Operation is how a write came by a record of a blob.
type Operation uint8

// Operations, as Walrus has them.
const (
	FromScratch                Operation = iota // storage was bought, and the blob registered
	ReuseStorage                                // the account had storage, and the blob was registered
	ReuseRegistration                           // the account had registered the blob
	ReuseAndExtend                              // and it was certified, and was extended
	ReuseAndExtendNonCertified                  // and it was not certified; it was, and was extended
)

// Object is the record of a blob that is stored.
type Object struct {
	ID         ObjectID
	Blob       commit.BlobID
	Size       uint64 // of the blob in bytes
	Registered uint32 // the epoch
	Certified  uint32 // the epoch
	Storage    ObjectID
	Reserved   uint64 // bytes of the storage; 0 is what the blob takes
	Start      uint32 // the epoch from which on it is stored
	End        uint32 // the first epoch in which it is not stored any more
	Permanent  bool
	Shared     bool // it is nobody's
	Attributes map[string]string
}

// ObjectID names a record. Its text is 0x and 64 digits in hexadecimal.
type ObjectID [32]byte

// String returns the id's text.
func (id ObjectID) String() string { return "0x" + hex.EncodeToString(id[:]) }

// MarshalText is String.
func (id ObjectID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (id *ObjectID) UnmarshalText(text []byte) (err error) {
	*id, err = ParseObjectID(string(text))
	return err
}

// ParseObjectID reads what String writes. It may lack 0x, and leading zeros.
func ParseObjectID(s string) (id ObjectID, err error) {
	digits := strings.TrimPrefix(s, "0x")
	if digits == "" || len(digits) > 64 {
		return id, fmt.Errorf("daemon: object id %.80q: want 0x and up to 64 digits in hexadecimal", s)
	}
	b, err := hex.DecodeString(strings.Repeat("0", 64-len(digits)) + digits)
	if err != nil {
		return id, fmt.Errorf("daemon: object id %.80q: want 0x and up to 64 digits in hexadecimal", s)
	}
	return ObjectID(b), nil
}
