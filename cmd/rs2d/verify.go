package main

import (
	"fmt"
	"io"
	"time"

	"github.com/redstuff-go/redstuff/cmd/internal/restore"
	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/rs2d"
)

type verifyCmd struct {
	jsonFlag
	Dir string `arg:"" help:"Directory of slivers."`
}

func (c *verifyCmd) Help() string {
	return `Every sliver is extended and hashed, and its root compared with the metadata. Each missing or corrupt one is listed in a line, and the exit code is 1 if there is any. One that cannot be read may be right: then it is 2.

Example: rs2d verify photo.rs2d

JSON: id, slivers, missing, corrupt, unreadable (names of sliver files), seconds, mb_per_second (of slivers).`
}

// verifyReport is what verify prints as JSON.
type verifyReport struct {
	ID          string   `json:"id"`
	Slivers     int      `json:"slivers"`
	Missing     []string `json:"missing"`
	Corrupt     []string `json:"corrupt"`
	Unreadable  []string `json:"unreadable"`
	Seconds     float64  `json:"seconds"`
	MBPerSecond float64  `json:"mb_per_second"`
}

// Run lists what is wrong with a directory.
func (c *verifyCmd) Run(a *app) error {
	store, err := restore.Open(c.Dir, a.progress)
	if err != nil {
		return err
	}
	defer store.Close()
	start := time.Now()
	if err := store.Verify(a.ctx); err != nil {
		return fmt.Errorf("%s: %w", c.Dir, err)
	}
	took := time.Since(start)
	r := verifyReport{
		ID: store.ID().String(), Slivers: 2 * store.Params().N,
		Missing: []string{}, Corrupt: []string{}, Unreadable: []string{}, Seconds: took.Seconds(),
	}
	bytes := int64(store.Params().N) * (store.SliverSize(rs2d.Primary) + store.SliverSize(rs2d.Secondary))
	problems := store.Problems()
	for _, p := range problems {
		bytes -= store.SliverSize(p.Ref.Axis)
		list := map[restore.Kind]*[]string{restore.Missing: &r.Missing, restore.Corrupt: &r.Corrupt, restore.Unreadable: &r.Unreadable}[p.Kind()]
		*list = append(*list, store.File(p.Ref))
	}
	r.MBPerSecond = ui.MBps(bytes, took)
	err = c.report(a, r, func(w io.Writer) error {
		for _, p := range problems {
			fmt.Fprintf(w, "%s: %v\n", store.File(p.Ref), p.Err)
		}
		if len(problems) == 0 {
			fmt.Fprintf(w, "%s slivers of %s are right (%s in %s, %s)\n",
				ui.Count(r.Slivers), r.ID, ui.Bytes(bytes), ui.Duration(took), ui.Rate(bytes, took))
		}
		return nil
	})
	if err != nil || len(problems) == 0 {
		return err
	}
	if len(r.Unreadable) > 0 {
		return fmt.Errorf("%s: of %d slivers, %d cannot be read, %d are missing and %d corrupt",
			c.Dir, r.Slivers, len(r.Unreadable), len(r.Missing), len(r.Corrupt))
	}
	return found("%s: of %d slivers, %d are missing and %d corrupt", c.Dir, r.Slivers, len(r.Missing), len(r.Corrupt))
}
