package main

import (
	"fmt"
	"io"

	"github.com/redstuff-go/redstuff/cmd/internal/restore"
	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/rs2d"
)

type infoCmd struct {
	jsonFlag
	Dir string `arg:"" help:"Directory of slivers."`
}

func (c *infoCmd) Help() string {
	return `Reads the metadata, and looks which sliver files are there with the right length; rs2d verify reads them too.

Example: rs2d info photo.rs2d

JSON: id, scheme, shards (n), faulty (f), primary_source_symbols (P), secondary_source_symbols (S), length, symbol_size, primary_sliver_bytes, secondary_sliver_bytes, encoded_bytes (all slivers, and the metadata once a shard), expansion (encoded_bytes by length), primary_present, secondary_present, decodable (enough slivers are there, if they are right).`
}

// infoReport is what info prints as JSON.
type infoReport struct {
	ID                   string  `json:"id"`
	Scheme               string  `json:"scheme"`
	Shards               int     `json:"shards"`
	Faulty               int     `json:"faulty"`
	PrimarySource        int     `json:"primary_source_symbols"`
	SecondarySource      int     `json:"secondary_source_symbols"`
	Length               uint64  `json:"length"`
	SymbolSize           int     `json:"symbol_size"`
	PrimarySliverBytes   int64   `json:"primary_sliver_bytes"`
	SecondarySliverBytes int64   `json:"secondary_sliver_bytes"`
	EncodedBytes         uint64  `json:"encoded_bytes"`
	Expansion            float64 `json:"expansion"`
	PrimaryPresent       int     `json:"primary_present"`
	SecondaryPresent     int     `json:"secondary_present"`
	Decodable            bool    `json:"decodable"`
}

// Run describes a directory.
func (c *infoCmd) Run(a *app) error {
	store, err := restore.Open(c.Dir, a.progress)
	if err != nil {
		return err
	}
	defer store.Close()
	p, length := store.Params(), store.Meta().Length
	encoded, err := p.EncodedLength(length)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Dir, err)
	}
	present := map[rs2d.Axis]int{rs2d.Primary: p.N, rs2d.Secondary: p.N}
	for _, problem := range store.Problems() {
		present[problem.Ref.Axis]--
	}
	r := infoReport{
		ID: store.ID().String(), Scheme: store.Meta().Scheme.String(),
		Shards: p.N, Faulty: p.F, PrimarySource: p.P, SecondarySource: p.S,
		Length: length, SymbolSize: store.SymbolSize(),
		PrimarySliverBytes: store.SliverSize(rs2d.Primary), SecondarySliverBytes: store.SliverSize(rs2d.Secondary),
		EncodedBytes: encoded, Expansion: float64(encoded) / float64(max(length, 1)),
		PrimaryPresent: present[rs2d.Primary], SecondaryPresent: present[rs2d.Secondary],
		Decodable: present[rs2d.Primary] >= p.P || present[rs2d.Secondary] >= p.S,
	}
	return c.report(a, r, func(w io.Writer) error {
		t := ui.NewTable(w)
		t.Row("blob id", r.ID)
		t.Row("scheme", r.Scheme)
		t.Row("shards", fmt.Sprintf("n = %d, of which f = %d may be faulty", p.N, p.F))
		t.Row("matrix", fmt.Sprintf("P = %d rows, S = %d columns of symbols of %s bytes", p.P, p.S, ui.Count(r.SymbolSize)))
		t.Row("length", fmt.Sprintf("%s bytes (%s)", ui.Count(length), ui.Bytes(length)))
		t.Row("encoded", fmt.Sprintf("%s bytes (%s), %s", ui.Count(encoded), ui.Bytes(encoded), ui.Ratio(int64(encoded), int64(length))))
		for _, axis := range []rs2d.Axis{rs2d.Primary, rs2d.Secondary} {
			t.Row(axis.String()+" slivers", fmt.Sprintf("%d of %d there, %d decode; %s bytes each",
				present[axis], p.N, store.Need(axis), ui.Count(store.SliverSize(axis))))
		}
		return t.Flush()
	})
}
