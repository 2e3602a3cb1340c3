package daemon

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/redstuff-go/redstuff/gateway/internal/walrusapi"
	"github.com/redstuff-go/redstuff/gateway/quilt"
)

// writer serves what stores blobs.
type writer struct {
	store   Store
	options Options
	bodies  *bodies
	turns   *room
	gate    *gate // or nil, if everybody may write
	recent  *recent
}

// admit reads how a blob is to be stored, and takes the token that allows it. The pass is
// nil where none is needed.
func (d *writer) admit(r *http.Request) (o PutOptions, p *pass, err error) {
	if o, err = putOptions(r); err == nil && d.gate != nil {
		p, err = d.gate.open(r, o)
	}
	return o, p, err
}

// pass takes the token of a request of which somebody else pays for the blob.
func (d *writer) pass(r *http.Request) (*pass, error) {
	if d.gate == nil {
		return nil, nil
	}
	return d.gate.open(r, PutOptions{})
}

// turn waits for the turn of a request whose body has come, which done ends.
func (d *writer) turn(ctx context.Context) (done func(), err error) {
	c, err := d.turns.turn(ctx, "publisher", nil)
	if err != nil {
		return nil, err
	}
	return c.give, nil
}

// putOptions reads how a blob is to be stored.
func putOptions(r *http.Request) (o PutOptions, err error) {
	q := parseQuery(r)
	o.Epochs = 1
	if n, ok := q.number("epochs", 32); ok {
		if o.Epochs = uint32(n); n == 0 {
			q.fail("epochs is 0, want at least 1")
		}
	}
	if encoding, ok := q.take("encoding_type"); ok && encoding != "RS2" {
		q.fail("encoding_type is %q, want RS2", encoding)
	}
	o.Permanent, o.Force = q.flag("permanent"), q.flag("force")
	deletable := q.flag("deletable")
	o.Reuse = q.flag("reuse_resources")
	q.take("quilt_version") // there is one
	owner, sent := q.take("send_object_to")
	_, shared := q.values["share"]
	o.Share = q.flag("share")
	if sent && shared {
		q.fail("send_object_to and share exclude each other")
	}
	if sent {
		id, err := ParseObjectID(owner)
		if err != nil {
			q.fail("send_object_to: %v", err)
		}
		o.Owner = &id
	}
	if err := q.end(); err != nil {
		return o, err
	}
	if deletable && o.Permanent {
		return o, refuse("INVALID_BLOB_PERSISTENCE", "a blob cannot be deletable and permanent: give one of deletable and permanent")
	}
	return o, nil
}

// put stores a blob, and tells writers from readers when it takes too long.
func (d *writer) put(ctx context.Context, b *body, o PutOptions) (s *Stored, err error) {
	ctx, cancel := context.WithTimeout(ctx, d.options.patience(b.size))
	defer cancel()
	if b.file == nil {
		s, err = d.store.Put(ctx, b.short, o)
	} else {
		s, err = d.store.PutFrom(ctx, b.file, b.size, o)
	}
	if err != nil {
		return nil, confirmationError(err)
	}
	d.recent.add(s)
	return s, nil
}

// operation is how a blob's record was come by.
func operation(s *Stored) any {
	name, more := "registerFromScratch", map[string]any{"encodedLength": s.EncodedSize}
	switch s.Operation {
	case FromScratch:
		more["epochsAhead"] = s.End - s.Start
	case ReuseStorage:
		name = "reuseStorage"
	case ReuseRegistration:
		name = "reuseRegistration"
	case ReuseAndExtend:
		name, more["epochsExtended"] = "reuseAndExtend", s.Epochs
	case ReuseAndExtendNonCertified:
		name, more["epochsExtended"] = "reuseAndExtendNonCertified", s.Epochs
	}
	return map[string]any{name: more}
}

// result is the answer for a blob that was stored.
func result(s *Stored) any {
	if !s.New {
		already := map[string]any{"blobId": s.Blob, "endEpoch": s.End}
		if s.Permanent {
			already["event"] = walrusapi.EventOf(s.ID) // anybody may rely on it, whosever it is
		} else {
			already["object"] = s.ID
		}
		return map[string]any{"alreadyCertified": already}
	}
	created := map[string]any{
		"blobObject": map[string]any{
			"id": s.ID, "registeredEpoch": s.Registered, "blobId": s.Blob, "size": s.Size, "encodingType": "RS2",
			"certifiedEpoch": s.Certified,
			"storage":        map[string]any{"id": s.Storage, "startEpoch": s.Start, "endEpoch": s.End, "storageSize": cmp.Or(s.Reserved, s.EncodedSize)},
			"deletable":      !s.Permanent,
		},
		"resourceOperation": operation(s),
		"cost":              s.Cost,
	}
	if s.Shared {
		created["sharedBlobObject"] = s.ID // the record itself: nothing is wrapped around it
	}
	return map[string]any{"newlyCreated": created}
}

func (d *writer) putBlob(w http.ResponseWriter, r *http.Request) error {
	o, token, err := d.admit(r)
	if err != nil {
		return err
	}
	defer token.giveBack()
	b, err := d.bodies.receive(w, r, d.options.MaxBlob)
	if err != nil {
		return err
	}
	defer func() { _ = b.close() }()
	if err := token.spend(int(b.size)); err != nil {
		return err
	}
	done, err := d.turn(r.Context())
	if err != nil {
		return err
	}
	defer done()
	s, err := d.put(r.Context(), b, o)
	if err != nil {
		return err
	}
	walrusapi.JSON(w, http.StatusOK, result(s))
	return nil
}

// formCopies is how often what a form has is in memory: as files, and as a quilt.
const formCopies = 2

// metadataPart is the name of the part of a form that has tags of files.
const metadataPart = "_metadata"

func (d *writer) putQuilt(w http.ResponseWriter, r *http.Request) error {
	o, token, err := d.admit(r)
	if err != nil {
		return err
	}
	defer token.giveBack()
	in, err := d.bodies.open(w, r, d.options.MaxQuilt, formCopies)
	if err != nil {
		return err
	}
	defer in.claim.give()
	r.Body = in
	files, err := readForm(r, d.store.Params().S-1)
	if err == nil {
		err = in.ended()
	}
	if err != nil {
		return err
	}
	done, err := d.turn(r.Context())
	if err != nil {
		return err
	}
	defer done()
	blob, patches, err := quilt.Encode(d.store.Params(), files)
	if err != nil {
		return refuse("MALFORMED_REQUEST", err.Error())
	}
	clear(files) // the blob has them
	if err := token.spend(len(blob)); err != nil {
		return err
	}
	s, err := d.put(r.Context(), &body{short: blob, size: int64(len(blob))}, o)
	if err != nil {
		return err
	}
	type stored struct {
		Identifier string `json:"identifier"`
		PatchID    string `json:"quiltPatchId"`
		Range      [2]int `json:"range"`
	}
	all := make([]stored, len(patches))
	for i, p := range patches {
		all[i] = stored{p.Identifier, p.ID(s.Blob).String(), [2]int{p.Start, p.End}}
	}
	walrusapi.JSON(w, http.StatusOK, map[string]any{"blobStoreResult": result(s), "storedQuiltBlobs": all})
	return nil
}

// readForm reads the files of a form, and their tags. A form of short parts takes much more memory
// than it is long, so that it ends with the first file more than a quilt can have.
func readForm(r *http.Request, most int) ([]quilt.File, error) {
	bad := func(err error) error {
		var body *http.MaxBytesError
		var text *plain
		if errors.As(err, &body) || errors.As(err, &text) {
			return err
		}
		return refuse("MALFORMED_REQUEST", err.Error())
	}
	form, err := r.MultipartReader()
	if err != nil {
		return nil, bad(err)
	}
	var files []quilt.File
	tags := make(map[string]map[string]string)
	for {
		part, err := form.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, bad(err)
		}
		if len(files) >= most && part.FormName() != metadataPart {
			return nil, bad(fmt.Errorf("more files than %d, and no more fit into a quilt", most))
		}
		data, err := io.ReadAll(part)
		if err != nil {
			return nil, bad(err)
		}
		if part.FormName() != metadataPart {
			files = append(files, quilt.File{Identifier: part.FormName(), Data: data})
		} else if err := readTags(data, tags); err != nil {
			return nil, bad(err)
		}
	}
	for i, f := range files {
		files[i].Tags = tags[f.Identifier]
	}
	return files, nil
}

// Bounds of tags, which take much more memory than they are long, too.
const (
	maxTagged = 1 << 16 // files, also such as are not in the form
	maxTags   = 1 << 20 // bytes in JSON of one file's: a quilt has room for 64 KiB of them
)

// readTags reads the tags of files: a list of objects with an identifier and tags.
func readTags(text []byte, tags map[string]map[string]string) error {
	list := json.NewDecoder(bytes.NewReader(text))
	if open, err := list.Token(); err != nil || open != json.Delim('[') {
		return errors.Join(errors.New(metadataPart+" is no list"), err)
	}
	for list.More() {
		var raw json.RawMessage
		if err := list.Decode(&raw); err != nil {
			return err
		}
		if len(raw) > maxTags || len(tags) >= maxTagged {
			return fmt.Errorf("%s has more than %d bytes of tags of a file, or more than %d files", metadataPart, maxTags, maxTagged)
		}
		var f struct {
			Identifier *string                    `json:"identifier"`
			Tags       map[string]json.RawMessage `json:"tags"`
		}
		if err := json.Unmarshal(raw, &f); err != nil {
			return err
		}
		if f.Identifier == nil {
			return errors.New(metadataPart + " has tags without an identifier")
		}
		if _, again := tags[*f.Identifier]; again {
			return errors.New(metadataPart + " has " + *f.Identifier + " twice")
		}
		values := make(map[string]string, len(f.Tags))
		for name, raw := range f.Tags {
			values[name] = tagOf(raw)
		}
		tags[*f.Identifier] = values
	}
	if _, err := list.Token(); err != nil {
		return err
	}
	if _, err := list.Token(); err != io.EOF {
		return errors.New(metadataPart + " is more than a list")
	}
	return nil
}

// tagOf returns a tag's value: what is no string is its text in JSON, without spaces.
func tagOf(raw json.RawMessage) string {
	var s string
	if raw[0] == '"' && json.Unmarshal(raw, &s) == nil {
		return s
	}
	var b bytes.Buffer
	_ = json.Compact(&b, raw) // it has been read
	return b.String()
}
