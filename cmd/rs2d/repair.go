package main

import (
	"fmt"
	"io"
	"time"

	"github.com/redstuff-go/redstuff/cmd/internal/restore"
	"github.com/redstuff-go/redstuff/cmd/internal/ui"
)

type repairCmd struct {
	jsonFlag
	Dir string `arg:"" help:"Directory of slivers."`
}

func (c *repairCmd) Help() string {
	return `Every sliver is verified. Each one that is missing or corrupt is rebuilt from one symbol of each of just enough slivers of the other kind, and its root compared with the metadata before it is written. If neither kind has enough right slivers, the blob is decoded from all there is and encoded again.

A link, a pipe or a device that has a sliver's name is replaced by a file; what it leads to is not touched. So is a file that cannot be read. A directory is left alone: it and every other sliver that cannot be written are named, the others are rebuilt, and the exit code is 2.

Bytes moved are those symbols: what shards would send to the one that lost its slivers. A one-dimensional code moves the whole blob to every shard that heals.

Example: rs2d repair photo.rs2d

JSON: id, rebuilt and failed (names of sliver files), pairs (how many sliver pairs they belong to), bytes_moved, bytes_moved_1d, reencoded (true if the blob had to be decoded and encoded), seconds.`
}

// repairReport is what repair prints as JSON.
type repairReport struct {
	ID           string   `json:"id"`
	Rebuilt      []string `json:"rebuilt"`
	Failed       []string `json:"failed"`
	Pairs        int      `json:"pairs"`
	BytesMoved   int64    `json:"bytes_moved"`
	BytesMoved1D int64    `json:"bytes_moved_1d"`
	Reencoded    bool     `json:"reencoded"`
	Seconds      float64  `json:"seconds"`
}

// Run rebuilds what is wrong in a directory.
func (c *repairCmd) Run(a *app) error {
	store, err := restore.Open(c.Dir, a.progress)
	if err != nil {
		return err
	}
	defer store.Close()
	start := time.Now()
	repaired, err := store.Repair(a.ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Dir, err)
	}
	took := time.Since(start)
	r := repairReport{
		ID: store.ID().String(), Rebuilt: []string{}, Failed: []string{}, Pairs: repaired.Pairs,
		BytesMoved: repaired.Moved, BytesMoved1D: repaired.Moved1D,
		Reencoded: repaired.WholeWay, Seconds: took.Seconds(),
	}
	for _, ref := range repaired.Slivers {
		r.Rebuilt = append(r.Rebuilt, store.File(ref))
	}
	for _, p := range repaired.Failed {
		r.Failed = append(r.Failed, store.File(p.Ref))
		fmt.Fprintf(a.stderr, "rs2d: %s: %s is not rebuilt: %v\n", c.Dir, store.File(p.Ref), p.Err)
	}
	err = c.report(a, r, func(w io.Writer) error {
		if len(r.Rebuilt)+len(r.Failed) == 0 {
			fmt.Fprintf(w, "%s slivers are right, nothing to repair\n", ui.Count(2*store.Params().N))
			return nil
		}
		for _, name := range r.Rebuilt {
			fmt.Fprintf(w, "%s: rebuilt\n", name)
		}
		if r.Reencoded {
			fmt.Fprintf(w, "too few slivers for intersections: decoded the blob from %s and encoded it again\n", ui.Bytes(r.BytesMoved))
		}
		fmt.Fprintf(w, "%d slivers of %d pairs in %s; moved %s where a 1D code moves %s\n",
			len(r.Rebuilt), r.Pairs, ui.Duration(took), ui.Bytes(r.BytesMoved), ui.Bytes(r.BytesMoved1D))
		return nil
	})
	if err == nil && len(r.Failed) > 0 {
		err = fmt.Errorf("%s: %d slivers cannot be written", c.Dir, len(r.Failed))
	}
	return err
}
