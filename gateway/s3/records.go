package s3

import (
	"encoding/binary"
	"strings"
	"time"

	"github.com/redstuff-go/redstuff/commit"
)

// bucket is what is kept of a bucket.
type bucket struct {
	Created time.Time         `json:"created"`
	ACL     []byte            `json:"acl"`
	Tags    map[string]string `json:"tags,omitempty"`

	Settings map[string][]byte `json:"settings,omitempty"` // by their names, see settings

	Note    string    `json:"note,omitempty"`     // of the record; "" if there is none
	NoteEnd uint32    `json:"note_end,omitempty"` // the first epoch in which the note is not there any more
	Noted   time.Time `json:"noted,omitzero"`
}

// piece is a blob that has a part of an object, or a quilt that has all of it.
type piece struct {
	Blob commit.BlobID `json:"blob"`
	Size int64         `json:"size"` // bytes of the part

	Quilt int64 `json:"quilt,omitempty"` // bytes of the quilt; 0 if the blob has the part, and nothing else
	Start int   `json:"start,omitempty"` // columns of it
	End   int   `json:"end,omitempty"`
}

// headers are what a client says of an object's bytes, which come back with them.
type headers struct {
	Type        string `json:"type,omitempty"`
	Encoding    string `json:"encoding,omitempty"`
	Disposition string `json:"disposition,omitempty"`
	Language    string `json:"language,omitempty"`
	Cache       string `json:"cache,omitempty"`
	Expires     string `json:"expires,omitempty"`
	Redirect    string `json:"redirect,omitempty"`
}

// object is what is kept of an object.
type object struct {
	Size     int64             `json:"size"` // bytes
	ETag     string            `json:"etag"` // in quotes
	Modified time.Time         `json:"modified"`
	Headers  headers           `json:"headers"`
	Metadata map[string]string `json:"metadata,omitempty"`
	Tags     map[string]string `json:"tags,omitempty"`
	Pieces   []piece           `json:"pieces"`
	End      uint32            `json:"end,omitempty"`    // the first epoch in which not all blobs are stored any more; 0 if there is none
	Ends     []int64           `json:"ends,omitempty"`   // of the parts that it was uploaded in
	Upload   string            `json:"upload,omitempty"` // by which it came
	Checksum checksum          `json:"checksum,omitzero"`
	Note     string            `json:"note,omitempty"` // of the record; "" if there is none
	Noted    time.Time         `json:"noted,omitzero"`
}

// lastNoted returns the time after which the next note of the object must be.
func (o *object) lastNoted() time.Time {
	if o == nil {
		return time.Time{}
	}
	if o.Noted.After(o.Modified) {
		return o.Noted
	}
	return o.Modified
}

// checksum is one that the client asked for, in base64.
type checksum struct {
	Algorithm string `json:"algorithm,omitempty"` // in capitals
	Value     string `json:"value,omitempty"`
	Composite bool   `json:"composite,omitempty"` // of the parts' checksums, and not of the bytes
}

// upload is an object that comes in parts. Of which key it is says the record's own key.
type upload struct {
	Started  time.Time         `json:"started"`
	Headers  headers           `json:"headers"`
	Metadata map[string]string `json:"metadata,omitempty"`
	Tags     map[string]string `json:"tags,omitempty"`
	Checksum checksum          `json:"checksum,omitzero"` // without a value: the one that it is to have
}

// part is a part of an upload.
type part struct {
	Size     int64     `json:"size"`
	ETag     string    `json:"etag"`
	Modified time.Time `json:"modified"`
	Pieces   []piece   `json:"pieces"`
	Checksum checksum  `json:"checksum,omitzero"`
	End      uint32    `json:"end,omitempty"`   // see object
	CRC64    string    `json:"crc64,omitempty"` // in base64, if the upload has no checksum of its own
	Note     string    `json:"note,omitempty"`  // of the record; "" if there is none
}

// lastNoted returns the time after which the next note of the part must be.
func (p *part) lastNoted() time.Time {
	if p == nil {
		return time.Time{}
	}
	return p.Modified
}

// Keys of the database: a letter for the kind of thing, and what names it. Names end with
// a zero, which neither buckets' nor objects' have, so that their order is that of keys.
const (
	kindBucket = 'b'
	kindObject = 'o'
	kindUpload = 'u'
	kindPart   = 'p'
)

func named(kind byte, names ...string) []byte {
	key := []byte{kind}
	for i, name := range names {
		if i > 0 {
			key = append(key, 0)
		}
		key = append(key, name...)
	}
	return key
}

func bucketKey(name string) []byte        { return named(kindBucket, name) }
func objectKey(bucket, key string) []byte { return named(kindObject, bucket, key) }

func uploadKey(bucket, key, id string) []byte { return named(kindUpload, bucket, key, id) }

func partKey(bucket, id string, number int32) []byte {
	return binary.BigEndian.AppendUint32(named(kindPart, bucket, id, ""), uint32(number))
}

// uploadOf returns what names the upload of which a record's key is.
func uploadOf(record []byte) (bucket, key, id string) {
	bucket, rest, _ := strings.Cut(string(record[1:]), "\x00")
	key, id, _ = strings.Cut(rest, "\x00")
	return bucket, key, id
}
