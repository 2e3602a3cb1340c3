package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/redstuff-go/redstuff/cmd/internal/atomicfile"
	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/cmd/internal/ctxio"
	"github.com/redstuff-go/redstuff/cmd/internal/restore"
	"github.com/redstuff-go/redstuff/cmd/internal/sliverdir"
	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/rs2d"
)

type demoCmd struct {
	codeFlags
	jsonFlag
	File string `arg:"" optional:"" help:"File to play with; this program itself by default. It is only read."`
}

func (c *demoCmd) Help() string {
	return `Encodes a file into a temporary directory, destroys as many shards as may fail, decodes, repairs, corrupts a sliver and finds it. Every result is compared with the file. A file that is too long for the shards is cut.

Example: rs2d demo --shards 1000

JSON: file, file_base64 (if the name is not UTF-8), id, scheme, backend, shards, faulty, length, sliver_bytes, encode_seconds, write_seconds, decode_seconds, repair_seconds, verify_seconds, lost_pairs, bytes_moved, bytes_moved_1d, corrupted, found.`
}

// demoReport is what demo prints as JSON.
type demoReport struct {
	cli.FileName
	ID            string   `json:"id"`
	Scheme        string   `json:"scheme"`
	Backend       string   `json:"backend"`
	Shards        int      `json:"shards"`
	Faulty        int      `json:"faulty"`
	Length        int      `json:"length"`
	SliverBytes   int64    `json:"sliver_bytes"`
	EncodeSeconds float64  `json:"encode_seconds"`
	WriteSeconds  float64  `json:"write_seconds"`
	DecodeSeconds float64  `json:"decode_seconds"`
	RepairSeconds float64  `json:"repair_seconds"`
	VerifySeconds float64  `json:"verify_seconds"`
	LostPairs     int      `json:"lost_pairs"`
	BytesMoved    int64    `json:"bytes_moved"`
	BytesMoved1D  int64    `json:"bytes_moved_1d"`
	Corrupted     string   `json:"corrupted"`
	Found         []string `json:"found"`
}

// Run plays the life of a blob through.
func (c *demoCmd) Run(a *app) error {
	code, err := c.code()
	if err != nil {
		return err
	}
	name, blob, err := c.blob(a, code.Params())
	if err != nil {
		return err
	}
	temp, err := atomicfile.TempDir()
	if err != nil {
		return err
	}
	defer temp.Discard()
	d := &demo{a: a, code: code, blob: blob, name: name, dir: filepath.Join(temp.Path(), "slivers")}
	d.report.FileName, d.report.Length = cli.NewFileName(name), len(blob)
	for _, step := range []func() error{d.encode, d.destroy, d.decode, d.repair, d.corrupt} {
		if err := step(); err != nil {
			return err
		}
	}
	return c.jsonFlag.report(a, d.report, d.print)
}

// blob reads the file to play with, as much of it as the code holds.
func (c *demoCmd) blob(a *app, params commit.Params) (string, []byte, error) {
	name := c.File
	if name == "" {
		var err error
		if name, err = os.Executable(); err != nil {
			return "", nil, err
		}
	}
	info, err := os.Stat(name)
	if err != nil {
		return "", nil, err
	}
	if info.IsDir() {
		return "", nil, fmt.Errorf("%s is a directory", name)
	}
	if uint64(info.Size()) > params.MaxBlob() {
		fmt.Fprintf(a.stderr, "%s has %s, of which %d shards hold the first %s\n",
			name, ui.Bytes(info.Size()), params.N, ui.Bytes(params.MaxBlob()))
	}
	f, err := ctxio.OpenFile(a.ctx, name, os.O_RDONLY, 0)
	if err != nil {
		return "", nil, err
	}
	defer f.Close()
	cut := io.LimitReader(f, int64(params.MaxBlob()))
	blob, err := a.readLimited(a.ctx, name, cut, min(info.Size(), int64(params.MaxBlob())), params)
	return name, blob, err
}

// demo is a demonstration on its way.
type demo struct {
	a      *app
	code   *rs2d.Code
	blob   []byte
	name   string
	dir    string
	lost   []int // pairs
	report demoReport
}

// encode encodes the blob into the directory.
func (d *demo) encode() error {
	r, p := &d.report, d.code.Params()
	size, err := p.SymbolSize(uint64(len(d.blob)))
	if err != nil {
		return err
	}
	dir := &directory{path: d.dir, slivers: int64(p.N) * int64(p.P+p.S) * int64(size)}
	if err := dir.encode(d.a, d.code, d.blob); err != nil {
		return err
	}
	r.ID, r.Scheme, r.Backend = dir.id.String(), d.code.Scheme().String(), d.code.Backend()
	r.Shards, r.Faulty = p.N, p.F
	r.SliverBytes, r.EncodeSeconds, r.WriteSeconds = dir.slivers, dir.encoding.Seconds(), dir.writing.Seconds()
	return nil
}

// destroy deletes both slivers of f pairs, evenly spread.
func (d *demo) destroy() error {
	p := d.code.Params()
	for i := range p.F {
		pair := i * p.N / p.F
		d.lost = append(d.lost, pair)
		primary, secondary := rs2d.PairSlivers(pair, p.N)
		for _, ref := range []rs2d.SliverRef{primary, secondary} {
			if err := os.Remove(d.file(ref)); err != nil {
				return err
			}
		}
	}
	d.report.LostPairs = len(d.lost)
	return nil
}

// decode decodes what is left and compares it with the blob.
func (d *demo) decode() error {
	store, err := restore.Open(d.dir, d.a.progress)
	if err != nil {
		return err
	}
	defer store.Close()
	start := time.Now()
	blob, err := store.Decode(d.a.ctx, rs2d.CheckStrict)
	d.report.DecodeSeconds = time.Since(start).Seconds()
	if err == nil && !bytes.Equal(blob, d.blob) {
		err = found("the decoded bytes differ from the file's")
	}
	return err
}

// repair rebuilds what was destroyed.
func (d *demo) repair() error {
	store, err := restore.Open(d.dir, d.a.progress)
	if err != nil {
		return err
	}
	defer store.Close()
	start := time.Now()
	repaired, err := store.Repair(d.a.ctx)
	if err != nil {
		return err
	}
	d.report.RepairSeconds = time.Since(start).Seconds()
	d.report.BytesMoved, d.report.BytesMoved1D = repaired.Moved, repaired.Moved1D
	return nil
}

// corrupt flips a bit in a sliver and looks for it among all of them.
func (d *demo) corrupt() error {
	n := d.code.Params().N
	ref := rs2d.SliverRef{Axis: rs2d.Primary, Index: n / 2}
	data, err := os.ReadFile(d.file(ref))
	if err != nil {
		return err
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(d.file(ref), data, 0o666); err != nil {
		return err
	}
	store, err := restore.Open(d.dir, d.a.progress)
	if err != nil {
		return err
	}
	defer store.Close()
	start := time.Now()
	if err := store.Verify(d.a.ctx); err != nil {
		return err
	}
	d.report.VerifySeconds = time.Since(start).Seconds()
	d.report.Corrupted = store.File(ref)
	for _, p := range store.Problems() {
		d.report.Found = append(d.report.Found, store.File(p.Ref))
	}
	if len(d.report.Found) != 1 || d.report.Found[0] != d.report.Corrupted {
		return found("%s was corrupted, and %v found", d.report.Corrupted, d.report.Found)
	}
	return nil
}

func (d *demo) file(ref rs2d.SliverRef) string {
	return filepath.Join(d.dir, sliverdir.Name(ref, d.code.Params().N))
}

// print writes the table.
func (d *demo) print(w io.Writer) error {
	r, p := &d.report, d.code.Params()
	length := int64(r.Length)
	seconds := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
	row := func(t *ui.Table, step string, took time.Duration, bytes int64, result string) {
		t.Row(step, ui.Duration(took), ui.Rate(bytes, took), result)
	}
	t := ui.NewTable(w)
	t.Row("blob", fmt.Sprintf("%s, %s", filepath.Base(d.name), ui.Bytes(length)))
	t.Row("id", r.ID)
	t.Row("code", fmt.Sprintf("n = %d shards, any f = %d may fail; scheme %s", p.N, p.F, r.Scheme))
	t.Row("machine", fmt.Sprintf("%s, %d CPUs", r.Backend, runtime.GOMAXPROCS(0)))
	t.Row()
	if err := t.Flush(); err != nil {
		return err
	}
	t = ui.NewTable(w)
	t.Row("step", "time", "rate", "result")
	row(t, "encode and commit", seconds(r.EncodeSeconds), length, fmt.Sprintf("%s in %d slivers, %s the blob",
		ui.Bytes(r.SliverBytes), 2*p.N, ui.Ratio(r.SliverBytes, length)))
	row(t, "write to disk", seconds(r.WriteSeconds), r.SliverBytes, fmt.Sprintf("then %d of %d shards destroyed", r.LostPairs, p.N))
	row(t, "decode and check", seconds(r.DecodeSeconds), length, "equal to the file, byte by byte")
	row(t, "verify and repair", seconds(r.RepairSeconds), r.SliverBytes, fmt.Sprintf("%d slivers rebuilt", 2*r.LostPairs))
	row(t, "corrupt a bit, verify", seconds(r.VerifySeconds), r.SliverBytes, "found in "+r.Corrupted)
	t.Row()
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "To heal one shard, %s were moved; a one-dimensional code moves the whole blob, %s (%s).\n",
		ui.Bytes(r.BytesMoved/int64(max(r.LostPairs, 1))), ui.Bytes(r.BytesMoved1D/int64(max(r.LostPairs, 1))), ui.Ratio(r.BytesMoved1D, r.BytesMoved))
	return err
}
