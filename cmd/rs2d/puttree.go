package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/cmd/internal/manifest"
	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/gateway/quilt"
	"github.com/redstuff-go/redstuff/node/client"
)

// treeReport is what put prints as JSON of several files.
type treeReport struct {
	Files        []treeFile     `json:"files"`
	Manifest     string         `json:"manifest,omitempty"`
	Skipped      []cli.FileName `json:"skipped"`
	Length       int64          `json:"length"`
	Blobs        int            `json:"blobs"`
	Quilts       int            `json:"quilts"`
	EncodedBytes uint64         `json:"encoded_bytes"`
	SentBytes    int64          `json:"sent_bytes"`
	Seconds      float64        `json:"seconds"`
	MBPerSecond  float64        `json:"mb_per_second"`
	paidReport
}

type treeFile struct {
	cli.FileName
	ID     string `json:"id,omitempty"` // none if it is in several parts
	Length int64  `json:"length"`
}

// Bounds of quilts. What is longer is a blob of its own: columns of a quilt are all as long,
// and what is stored beside a long file wastes much of its own.
const (
	longestPatch = 1 << 20
	longestQuilt = 16 << 20
	patchHead    = 128      // about what a patch has beside its file, and in the index
	blobHead     = 64 << 10 // about what a blob costs more than its bytes, in bytes of a blob
)

// upload stores several files.
type upload struct {
	*session
	sources []source
	files   []manifest.File
	order   *order              // that names are noted on; or nil
	part    int64               // length of a blob at most
	room    *semaphore.Weighted // bytes of files in memory
	jobs    int

	stored  atomic.Int64 // bytes
	blobs   atomic.Int64
	encoded atomic.Uint64
}

// unit is what becomes one blob.
type unit struct {
	quilt        []int // of these sources; or
	source, part int   // a part of one
	offset, size int64
}

// roomShare is how much of the memory the files may have: the rest is for their slivers.
const roomShare = 8

// newUpload plans nothing yet. part is 0 for as long as a blob may be.
func newUpload(s *session, sources []source, part int64, jobs int) *upload {
	most := int64(min(s.Code().Params().MaxBlob(), uint64(max(1, s.memory/roomShare))))
	if part == 0 || part > most {
		part = most
	}
	u := &upload{session: s, sources: sources, files: make([]manifest.File, len(sources)), part: part, jobs: jobs}
	u.room = semaphore.NewWeighted(max(part, min(longestQuilt, s.memory/roomShare), 1))
	for i, src := range sources {
		u.files[i] = manifest.File{Path: src.path, Size: uint64(src.size()), Mode: uint32(src.info.Mode().Perm())}
	}
	return u
}

// plan divides the files into blobs.
func (u *upload) plan(quilts bool) (units []unit) {
	var small []int
	for i := range u.sources {
		src := &u.sources[i]
		if quilts && src.size() <= min(longestPatch, u.part) && quiltable(src.path) {
			small = append(small, i)
			continue
		}
		for offset := int64(0); offset == 0 || offset < src.size(); offset += u.part {
			units = append(units, unit{source: i, part: len(u.files[i].Parts), offset: offset, size: min(u.part, src.size()-offset)})
			u.files[i].Parts = append(u.files[i].Parts, manifest.Part{})
		}
	}
	// Files of a quilt waste least if they are about as long.
	slices.SortStableFunc(small, func(a, b int) int { return cmp.Compare(u.sources[a].size(), u.sources[b].size()) })
	for len(small) > 0 {
		n, sum := 0, int64(0)
		for n < len(small) {
			size := u.sources[small[n]].size()
			if n > 0 && !u.fitsQuilt(n+1, size, sum+size) {
				break
			}
			sum += size
			n++
		}
		if n == 1 && sum > blobHead { // alone, it is as well a blob
			u.files[small[0]].Parts = make([]manifest.Part, 1)
			units = append(units, unit{source: small[0], size: sum})
		} else {
			units = append(units, unit{quilt: small[:n], size: sum})
		}
		small = small[n:]
	}
	return units
}

// fitsQuilt reports whether so many files may be one quilt, the longest of which has so many
// bytes: if the columns that the longest takes make the quilt no more than twice as long as
// the files, or than it costs to have another blob.
func (u *upload) fitsQuilt(files int, longest, sum int64) bool {
	columns := int64(u.Code().Params().S)
	each := columns / int64(files+1) // the index has some, too
	if each == 0 {
		return false
	}
	length := columns * ((longest + patchHead + each - 1) / each)
	return length <= min(longestQuilt, u.part) && length <= 2*(sum+int64(files)*patchHead)+blobHead
}

// quiltable reports whether a path can be an identifier in a quilt.
func quiltable(path string) bool {
	return path != "" && len(path) < 1<<15 && utf8.ValidString(path) && !strings.ContainsFunc(path, unicode.IsControl) &&
		strings.TrimRightFunc(path, unicode.IsSpace) == path
}

// run stores the units, some of them at once.
func (u *upload) run(units []unit) error {
	group, ctx := errgroup.WithContext(u.ctx)
	group.SetLimit(u.jobs)
	for _, one := range units {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			if err := u.room.Acquire(ctx, one.size); err != nil {
				return err
			}
			defer u.room.Release(one.size)
			if one.quilt != nil {
				return u.storeQuilt(ctx, one.quilt)
			}
			return u.storePart(ctx, one)
		})
	}
	return group.Wait()
}

// store stores one blob, for which there is the command's time.
// Its attribute is noted, if there is one and attributes are.
func (u *upload) store(ctx context.Context, name string, blob []byte, attribute, value string) (*client.Receipt, error) {
	one, end := u.each(ctx)
	defer end()
	receipt, err := do(one, func(ctx context.Context) (*client.Receipt, error) { return u.Store(ctx, blob) })
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, u.flags.ledgerError(err))
	}
	encoded, err := u.Code().Params().EncodedLength(uint64(len(blob)))
	if err == nil && u.order != nil && attribute != "" {
		if err = u.order.note(one.ctx, receipt.ID, attribute, value); err != nil {
			err = fmt.Errorf("%s: %w", name, u.flags.ledgerError(err))
		}
	}
	u.encoded.Add(encoded)
	u.blobs.Add(1)
	return receipt, err
}

func (u *upload) storePart(ctx context.Context, one unit) error {
	src := &u.sources[one.source]
	data, err := src.read(ctx, one.offset, one.size)
	if err != nil {
		return err
	}
	attribute := nameAttribute
	if one.size < src.size() {
		attribute = "" // it is a part
	}
	receipt, err := u.store(ctx, src.name, data, attribute, src.path)
	if err != nil {
		return err
	}
	u.files[one.source].Parts[one.part] = manifest.Part{Blob: receipt.ID, Size: uint64(one.size)}
	u.stored.Add(one.size)
	return nil
}

func (u *upload) storeQuilt(ctx context.Context, sources []int) error {
	files := make([]quilt.File, len(sources))
	at := make(map[string]int, len(sources))
	for i, source := range sources {
		src := &u.sources[source]
		data, err := src.read(ctx, 0, src.size())
		if err != nil {
			return err
		}
		files[i] = quilt.File{Identifier: src.path, Data: data}
		at[src.path] = source
	}
	blob, patches, err := quilt.Encode(u.Code().Params(), files)
	if err != nil {
		return err
	}
	receipt, err := u.store(ctx, fmt.Sprintf("quilt of %d files from %s on", len(files), u.sources[sources[0]].name), blob, typeAttribute, quiltType)
	if err != nil {
		return err
	}
	for _, p := range patches {
		id, source := p.ID(receipt.ID), at[p.Identifier]
		size := u.sources[source].size()
		u.files[source].Parts = []manifest.Part{{Patch: &id, Size: uint64(size)}}
		u.stored.Add(size)
	}
	return nil
}

// putTree stores several files, or those of directories.
func putTree(c *putCmd, a *app, cl *session, order *order) error {
	f, err := sources(a.ctx, c.Files, c.Recursive || c.Quilt)
	if err != nil {
		return err
	}
	all := f.all
	if len(all) == 0 && !c.Recursive {
		return errors.New("there is no file to store")
	}
	part, err := parsePart(c.Part)
	if err != nil {
		return err
	}
	cl.unlimited()
	start := time.Now()
	u := newUpload(cl, all, part, c.Jobs)
	if c.Names {
		u.order = order
	}
	r := &treeReport{Files: make([]treeFile, len(all)), Skipped: []cli.FileName{}}
	for _, name := range f.skipped {
		fmt.Fprintf(a.stderr, "rs2d: %s is left out: it is no regular file\n", cli.Shown(name))
		r.Skipped = append(r.Skipped, cli.NewFileName(name))
	}
	for _, src := range all {
		r.Length += src.size()
	}
	units := u.plan(c.Quilt)
	stop := a.progress.Watch("storing", r.Length, u.stored.Load)
	err = u.run(units)
	stop()
	if err != nil {
		return err
	}
	whole := true
	for i, f := range u.files {
		r.Files[i] = treeFile{FileName: cli.NewFileName(all[i].name), Length: all[i].size()}
		if len(f.Parts) == 1 {
			r.Files[i].ID = f.Parts[0].ID()
		} else {
			whole = false
		}
	}
	for _, one := range units {
		if one.quilt != nil {
			r.Quilts++
		}
	}
	if c.Recursive || !whole {
		if r.Manifest, err = u.storeManifest(f.empty); err != nil {
			return err
		}
	}
	took := time.Since(start)
	r.Seconds, r.MBPerSecond, r.SentBytes = took.Seconds(), ui.MBps(r.Length, took), cl.ByteCounters().Sent.Load()
	r.Blobs, r.EncodedBytes = int(u.blobs.Load()), u.encoded.Load()
	if order != nil {
		if err := order.report(cl.ctx, &r.paidReport); err != nil {
			fmt.Fprintf(a.stderr, "rs2d: all is stored, and what it cost cannot be told: %v\n", err)
		}
		r.Object = "" // there are many
	}
	err = c.report(a, r, func(w io.Writer) error { return printTree(c, a, w, all, r, took) })
	if flushed := c.flush(cl); err == nil {
		err = flushed
	}
	return err
}

// parsePart reads the length of parts; 0 is as long as may be.
func parsePart(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	size, err := parseSize("--part", text)
	if err == nil && (size < 1 || size > 1<<62) {
		err = fmt.Errorf("--part %s: must be a byte at least", text)
	}
	return int64(size), err
}

// storeManifest stores the list of the files, and of directories without any.
func (u *upload) storeManifest(empty []source) (id string, err error) {
	m := &manifest.Manifest{Files: slices.Clone(u.files)}
	for _, dir := range empty {
		m.Files = append(m.Files, manifest.File{Path: dir.path, Mode: uint32(dir.info.Mode().Perm()) | manifest.DirMode})
	}
	data, err := m.Marshal()
	if err != nil {
		return "", err
	}
	receipt, err := u.store(u.ctx, "the manifest", data, "", "")
	if err != nil {
		return "", err
	}
	return receipt.ID.String(), nil
}

func printTree(c *putCmd, a *app, w io.Writer, all []source, r *treeReport, took time.Duration) error {
	fmt.Fprintf(a.stderr, "%s, %s, stored in %s (%s) as %s, %s over all shards\n",
		ui.Several(len(r.Files), "file"), ui.Bytes(r.Length), ui.Duration(took), ui.Rate(r.Length, took), ui.Several(r.Blobs, "blob"), ui.Bytes(r.EncodedBytes))
	r.print(a.stderr)
	for i, f := range r.Files {
		if f.ID == "" {
			fmt.Fprintf(a.stderr, "%s is in several blobs: rs2d get --recursive of the manifest joins them\n", cli.Shown(all[i].name))
			continue
		}
		if _, err := io.WriteString(w, cli.SumLine(f.ID, all[i].name)); err != nil {
			return err
		}
	}
	if r.Manifest == "" {
		return nil
	}
	name := "manifest"
	if len(c.Files) == 1 {
		name = c.Files[0]
	}
	_, err := io.WriteString(w, cli.SumLine(r.Manifest, name))
	return err
}
