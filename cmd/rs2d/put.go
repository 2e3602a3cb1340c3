package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/cmd/internal/ctxio"
	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/identity"
)

// clientKeyName is the key that put looks for beside the committee's file: it is what
// rs2d-node init makes.
const clientKeyName = "client.key"

type putCmd struct {
	jsonFlag
	clusterFlags
	Key         string        `placeholder:"FILE" env:"REDSTUFF_KEY" help:"Secret of a client that may write; default client.key beside the committee's file."`
	Grace       time.Duration `default:"10s" help:"Time for slow nodes, once enough of them have their part."`
	Certificate string        `placeholder:"FILE" help:"File to write the certificate to that the blob is stored."`
	Epochs      uint32        `placeholder:"N" help:"Epochs for which the blob is stored, the current one included, on a ledger; default 1."`
	Permanent   bool          `help:"The blob cannot be deleted before its epochs have passed."`
	Recursive   bool          `short:"r" help:"Store what is in directories, and a manifest that lists it."`
	Quilt       bool          `help:"Pack small files, also those in directories, into quilts: blobs of many files each."`
	Part        string        `placeholder:"SIZE" help:"Length from which on files are split into several blobs; by default that of the longest blob there is."`
	Jobs        int           `default:"4" help:"Of several files, how many to store at once."`
	Names       bool          `help:"Note the names of files in attributes of their blobs on the ledger, where everybody sees them, and which blobs are quilts."`
	Files       []string      `arg:"" name:"file" help:"Files to store; - is standard input."`
}

func (c *putCmd) Help() string {
	return `Encodes the file, and gives every node of the committee its slivers. Prints the blob id once the owners of n-f shards have signed that theirs are on disk: from then on the blob can be read whatever any f shards do.

On a ledger, the account of the key pays for so many epochs; the blob is registered while it is sent, and then certified. A put that was killed may be given again: it goes on where it was, and pays nothing twice. A blob that the account stores already, for less epochs, is extended.

Of several files, each becomes a blob; or with --quilt, which is for small ones, a patch of a quilt that has many. With --recursive, and for files too long for a blob, a manifest is stored last, a blob that lists all: rs2d get --recursive of its id writes the files again. --timeout is for each blob then.

Example: rs2d put --committee cluster/committee.toml photo.jpg

Example: rs2d put --recursive --quilt photos

Example: rs2d put --ledger http://127.0.0.1:7000 --key cluster/client.key --epochs 5 photo.jpg

JSON: id, scheme, shards (n), length, confirmed (shards whose owners signed the certificate), signers, certificate (base64), encode_seconds, seconds (until there was a certificate), mb_per_second, sent_bytes (until then); on a ledger, object, end_epoch, end_millis (when that begins, at the earliest), cost and fee (paid now), too. Of several files: files (file, id of the blob or the patch, length), manifest, skipped, length, blobs, quilts, encoded_bytes (over all shards), sent_bytes, seconds, mb_per_second.`
}

// putReport is what put prints as JSON.
type putReport struct {
	ID            string   `json:"id"`
	Scheme        string   `json:"scheme"`
	Shards        int      `json:"shards"`
	Length        int64    `json:"length"`
	Confirmed     int      `json:"confirmed"`
	Signers       []string `json:"signers"`
	Certificate   string   `json:"certificate"`
	EncodeSeconds float64  `json:"encode_seconds"`
	Seconds       float64  `json:"seconds"`
	MBPerSecond   float64  `json:"mb_per_second"`
	SentBytes     int64    `json:"sent_bytes"`

	paidReport
}

// paidReport is what was paid for on a ledger.
type paidReport struct {
	Object    string  `json:"object,omitempty"`
	EndEpoch  uint32  `json:"end_epoch,omitempty"`
	EndMillis int64   `json:"end_millis,omitempty"`
	Cost      *uint64 `json:"cost,omitempty"` // paid now
	Fee       *uint64 `json:"fee,omitempty"`
	ends      string  // for people
}

// Run stores a file.
func (c *putCmd) Run(a *app) error {
	if err := notStandard("--certificate", c.Certificate, "a certificate"); err != nil {
		return err
	}
	p, err := c.plane(a)
	if err != nil {
		return c.ledgerError(err)
	}
	key, err := ctxio.Await(a.ctx, c.key)
	if err != nil {
		return err
	}
	options := client.Options{Grace: c.Grace}
	order, err := c.order(p, key)
	if err != nil {
		return err
	}
	if order != nil {
		options.Registrar = order.registrar
	}
	cl, err := c.session(a, p.Control, key, options)
	if err != nil {
		return err
	}
	defer cl.close()
	tree, err := c.isTree(cl)
	if err != nil {
		return named(c.Files[0], err)
	}
	if tree {
		return putTree(c, a, cl, order)
	}
	return c.putOne(a, cl, order)
}

// print tells people what was paid.
func (r *paidReport) print(w io.Writer) {
	if r.Cost != nil {
		fmt.Fprintf(w, "stored until %s, cost %s, fee %s\n", r.ends, ui.Count(*r.Cost), ui.Count(*r.Fee))
	}
}

// isTree reports whether there is more to store than one blob.
func (c *putCmd) isTree(cl *session) (bool, error) {
	if c.Jobs < 1 {
		return false, errors.New("--jobs: must be more than zero")
	}
	part, err := parsePart(c.Part)
	if err != nil {
		return false, err
	}
	tree := len(c.Files) > 1 || c.Recursive || c.Quilt
	if !tree && c.Files[0] != stdinName {
		info, err := os.Stat(c.Files[0])
		tree = err == nil && info.Mode().IsRegular() && (uint64(info.Size()) > cl.Code().Params().MaxBlob() || part > 0 && info.Size() > part)
	}
	if tree && c.Certificate != "" {
		return false, errors.New("--certificate is of one blob, and this becomes several")
	}
	return tree, nil
}

// putOne stores one blob.
func (c *putCmd) putOne(a *app, cl *session, order *order) error {
	file := c.Files[0]
	in, err := do(cl, func(ctx context.Context) (*input, error) {
		if file == stdinName {
			return &input{name: file}, nil // its length shows as it is read
		}
		return a.open(ctx, file, cl.Code().Params(), putAbove)
	})
	if err != nil {
		return named(file, err)
	}
	defer in.close()
	start := time.Now()
	receipt, err := cl.store(in)
	if err != nil {
		return fmt.Errorf("%s: %w", file, c.ledgerError(err))
	}
	took, sent := time.Since(start), cl.ByteCounters().Sent.Load()
	if c.Names && file != stdinName {
		if err := order.note(cl.ctx, receipt.ID, nameAttribute, filepath.Base(file)); err != nil {
			return fmt.Errorf("%s: is stored as %v; its name: %w", file, receipt.ID, c.ledgerError(err))
		}
	}
	certificate, err := receipt.Certificate.MarshalBinary()
	if err != nil {
		return err
	}
	if c.Certificate != "" {
		if err := a.writeFile(c.Certificate, certificate); err != nil {
			return err
		}
	}
	all := cl.Committee()
	r := putReport{
		ID: receipt.ID.String(), Scheme: all.Scheme().String(), Shards: all.Params().N, Length: int64(receipt.Metadata.Length),
		Signers:       signers(all, receipt.Certificate),
		Certificate:   base64.StdEncoding.EncodeToString(certificate),
		EncodeSeconds: receipt.Encoding.Seconds(), Seconds: took.Seconds(), MBPerSecond: ui.MBps(int64(receipt.Metadata.Length), took), SentBytes: sent,
	}
	if order != nil {
		if err := order.report(cl.ctx, &r.paidReport); err != nil {
			fmt.Fprintf(a.stderr, "rs2d: %s is stored as %s, and what it cost cannot be told: %v\n", file, r.ID, err)
		}
	}
	for i := range all.Len() {
		if receipt.Certificate.Signed(i) {
			r.Confirmed += all.Weight(i)
		}
	}
	err = c.report(a, r, func(w io.Writer) error {
		fmt.Fprintf(a.stderr, "%s stored in %s (%s), confirmed for %d of %d shards\n",
			ui.Bytes(r.Length), ui.Duration(took), ui.Rate(r.Length, took), r.Confirmed, r.Shards)
		r.print(a.stderr)
		io.WriteString(w, cli.SumLine(r.ID, file))
		return nil
	})
	if err := a.stdout.Err(); err != nil { // nobody else knows it
		fmt.Fprintf(a.stderr, "rs2d: %s is stored as %s\n", file, r.ID)
	}
	return errors.Join(err, c.flush(cl))
}

// flush waits for slow nodes.
func (c *putCmd) flush(cl *session) error {
	// The blob is stored. That slow nodes have not got their part in time is no error.
	flushed := cl.Flush(cl.ctx)
	if errors.Is(flushed, context.DeadlineExceeded) {
		flushed = nil
	}
	return flushed
}

// named names a file in an error of having no time to read it: others name it.
func named(name string, err error) error {
	if errors.Is(err, client.ErrUnavailable) {
		return fmt.Errorf("%s: %w", name, err)
	}
	return err
}

// putAbove is the length from which on a file is not read whole before it is stored.
const putAbove = 32 << 20

// store stores a blob, and shows how much of the work is done.
func (s *session) store(in *input) (*client.Receipt, error) {
	total := int64(1) // nobody knows what standard input has
	if in.name != stdinName {
		var err error
		if total, err = sliverBytes(s.Code().Params(), in.size); err != nil {
			return nil, err
		}
	}
	var done atomic.Int64
	progress := client.Progress(func(now, all int64) { done.Store(int64(float64(now) / float64(max(all, 1)) * float64(total))) })
	defer frugal()()
	defer s.app.progress.Watch("storing", total, done.Load)()
	receipt, err := do(s, func(ctx context.Context) (*client.Receipt, error) {
		switch {
		case in.name == stdinName:
			return s.StoreReader(ctx, s.app.stdin, progress)
		case in.file != nil:
			return s.StoreFrom(ctx, unchanging{in}, in.size, progress)
		}
		return s.StoreFrom(ctx, bytes.NewReader(in.bytes), in.size, progress)
	})
	if in.file != nil && err != nil && unchanged(in.file, in.before) != nil || errors.Is(err, client.ErrChanged) {
		err = errChanged // which may be why it could not be stored
	}
	return receipt, err
}

// signers names the members that signed a certificate.
func signers(all *committee.Committee, certificate *committee.Certificate) []string {
	names := []string{}
	for i := range all.Len() {
		if certificate.Signed(i) {
			names = append(names, all.Member(i).Name)
		}
	}
	return names
}

// key reads the client's secret.
func (c *putCmd) key() (*identity.Key, error) {
	name := c.keyFile(c.Key)
	key, err := identity.LoadKey(name)
	if c.Key == "" && errors.Is(err, fs.ErrNotExist) {
		if c.Ledger != "" {
			return nil, fmt.Errorf("whoever stores blobs pays for them: --key FILE is needed, or %s", name)
		}
		if _, err := os.Stat(c.Committee); err != nil {
			return nil, err // no key can lie beside it
		}
		return nil, fmt.Errorf("nodes take blobs from known clients only: --key FILE is needed, or %s", name)
	}
	return key, err
}
