package s3

import (
	"bytes"
	"compress/flate"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/redstuff-go/redstuff/gateway/daemon"
)

// note is what is kept outside the database of a bucket, an object or a part of an upload, so that the database can be
// made again. It is compressed and sealed, so that only the account's owner reads it, and nobody
// else can make one.
type note struct {
	At     time.Time `json:"at"` // the later of two notes of the same thing holds
	Bucket string    `json:"bucket"`
	Key    []byte    `json:"key,omitempty"` // of the object: it need not be text

	// One of these is what the note is of.
	Object *object             `json:"object,omitempty"`
	Record *bucket             `json:"record,omitempty"` // of the bucket, if it is no object's
	Upload *upload             `json:"upload,omitempty"` // of which Part is a part
	ID     string              `json:"id,omitempty"`     // of the upload
	Number int32               `json:"number,omitempty"` // of Part
	Part   *part               `json:"part,omitempty"`
	Made   [][]daemon.ObjectID `json:"made,omitempty"`  // for each blob of the object, the part or of Parts, registrations that are the gateway's
	Parts  []piece             `json:"parts,omitempty"` // of a note that is too long to be here: it is in these blobs
}

// whole reports whether the note is of one thing.
func (n *note) whole() bool {
	things := 0
	for _, there := range []bool{n.Object != nil, n.Record != nil, n.Part != nil && n.Upload != nil} {
		if there {
			things++
		}
	}
	return things == 1
}

// user returns the key of the record that the note is of.
func (n *note) user() []byte {
	switch {
	case n.Object != nil:
		return objectKey(n.Bucket, string(n.Key))
	case n.Part != nil:
		return partKey(n.Bucket, n.ID, n.Number)
	}
	return bucketKey(n.Bucket)
}

// pieces returns the blobs of what the note is of.
func (n *note) pieces() []piece {
	switch {
	case n.Object != nil:
		return n.Object.Pieces
	case n.Part != nil:
		return n.Part.Pieces
	}
	return nil
}

// Limits of notes.
const (
	noteAttribute = "s3."    // begins the name of an attribute that is a note
	noteNameSize  = 16       // bytes of what follows it, in hexadecimal
	maxNoteValue  = 4096     // bytes of an attribute
	maxNotesOf    = 64       // attributes of a registration
	maxNote       = 64 << 20 // bytes
	maxNoteDepth  = 4        // notes that say where a note is
)

// Sealer seals notes, and opens those that it has sealed. It is made of a secret, and shows none.
type Sealer struct{ aead cipher.AEAD }

// NewSealer returns the sealer of an account's owner, always the same.
func NewSealer(key ed25519.PrivateKey) (*Sealer, error) {
	secret, err := hkdf.Key(sha256.New, key.Seed(), nil, "redstuff v1 s3 notes", 32)
	if err != nil {
		return nil, fmt.Errorf("s3: %w", err)
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, fmt.Errorf("s3: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("s3: %w", err)
	}
	return &Sealer{aead}, nil
}

// String tells nothing of the secret.
func (*Sealer) String() string { return "a sealer of notes" }

// errNote is returned for what is no note of the account's owner.
var errNote = errors.New("s3: no note that the account's owner has made")

// pack returns a note's bytes, before they are sealed.
func (n *note) pack() ([]byte, error) {
	text, err := json.Marshal(n)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err == nil {
		_, err = w.Write(text)
	}
	if err == nil {
		err = w.Close()
	}
	return b.Bytes(), err
}

// unpackNote reads what pack returns, of so many bytes at most before it was compressed.
func unpackNote(data []byte, most int64) (*note, error) {
	text, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(data)), most+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNote, err)
	}
	if int64(len(text)) > most {
		return nil, fmt.Errorf("%w: more than %d bytes", errNote, most)
	}
	n := new(note)
	if err := json.Unmarshal(text, n); err != nil {
		return nil, fmt.Errorf("%w: %w", errNote, err)
	}
	return n, nil
}

// placeOf is where a note is, which is sealed with it: it is none anywhere else.
func placeOf(name string, registration daemon.ObjectID) []byte {
	return append([]byte(name), registration[:]...)
}

// inBlobs is the place of notes that are blobs.
var inBlobs = []byte("blobs")

func (s *Sealer) seal(data, place []byte) []byte { return s.aead.Seal(nil, nil, data, place) }

func (s *Sealer) open(sealed, place []byte) ([]byte, error) {
	data, err := s.aead.Open(nil, nil, sealed, place)
	if err != nil {
		return nil, errNote
	}
	return data, nil
}

// value returns the attribute that is a note; ok is false if it is too long for one.
func (s *Sealer) value(data, place []byte) (text string, ok bool) {
	if base64.RawURLEncoding.EncodedLen(len(data)+s.aead.Overhead()) > maxNoteValue {
		return "", false
	}
	return base64.RawURLEncoding.EncodeToString(s.seal(data, place)), true
}

// read reads an attribute that is a note.
func (s *Sealer) read(text string, place []byte) (*note, error) {
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, errNote
	}
	data, err := s.open(sealed, place)
	if err != nil {
		return nil, err
	}
	return unpackNote(data, maxNote)
}

// newNoteName returns the name of a note that is like no other.
func newNoteName() string {
	var random [noteNameSize]byte
	rand.Read(random[:])
	return noteAttribute + hex.EncodeToString(random[:])
}

// isNoteName reports whether an attribute of the name can be a note.
func isNoteName(name string) bool {
	digits, ok := strings.CutPrefix(name, noteAttribute)
	_, err := hex.DecodeString(digits)
	return ok && err == nil && len(digits) == 2*noteNameSize
}
