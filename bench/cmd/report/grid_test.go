package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/bench/internal/measure"
	"github.com/redstuff-go/redstuff/bench/internal/peer"
	"github.com/redstuff-go/redstuff/bench/internal/work"
	"github.com/redstuff-go/redstuff/gf"
	"github.com/redstuff-go/redstuff/rs2d/rs"
)

// What the grid compares gives equal bytes: on every backend, for every shape, and for
// every size up to where strips and passes no longer change.
func TestGridEqualsKlauspost(t *testing.T) {
	const most = 24 << 20
	for _, shape := range gridShapes {
		for _, size := range gridSizes {
			if shape.Total()*size > most || testing.Short() && size > 4<<10 {
				continue
			}
			t.Run(fmt.Sprintf("%v/%d", shape, size), func(t *testing.T) {
				var arena work.Arena
				want := arena.Shards(shape.Total(), size)
				for i, shard := range want[:shape.Data] {
					work.Fill(shard, byte(i))
				}
				theirs, err := peer.NewKlauspost(shape.Data, shape.Parity)
				if err != nil {
					t.Fatal(err)
				}
				if err := theirs.Encode(want); err != nil {
					t.Fatal(err)
				}
				for _, backend := range gf.Backends() {
					if backend == "generic" && shape.Total()*size > 4<<20 {
						continue
					}
					ours, err := rs.New(shape.Data, shape.Parity, rs.WithBackend(backend), rs.WithWorkers(1))
					if err != nil {
						t.Fatal(err)
					}
					got := make([][]byte, len(want))
					for i := range got {
						got[i] = make([]byte, size)
						if i < shape.Data {
							copy(got[i], want[i])
						}
					}
					if err := ours.Encode(got); err != nil {
						t.Fatal(err)
					}
					for i := range got {
						if !bytes.Equal(got[i], want[i]) {
							t.Fatalf("%s: shard %d differs from klauspost's", backend, i)
						}
					}
					for _, lost := range []int{1, min((shape.Data+3)/4, shape.Parity), shape.Parity} {
						order := work.Random(uint64(lost)).Perm(shape.Total())
						for _, i := range order[:lost] {
							clear(got[i])
							got[i] = got[i][:0]
						}
						if err := ours.Reconstruct(got); err != nil {
							t.Fatal(err)
						}
						for i := range got {
							if !bytes.Equal(got[i], want[i]) {
								t.Fatalf("%s, %d lost: shard %d is not what it was", backend, lost, i)
							}
						}
					}
				}
			})
		}
	}
}

// A run keeps the lines it does not measure, and the report shows them all.
func TestGridKeepsOtherLines(t *testing.T) {
	dir := t.TempDir()
	charts := filepath.Join(dir, "report")
	if err := os.Mkdir(charts, 0o755); err != nil {
		t.Fatal(err)
	}
	old := &Grid{Lines: []GridLine{
		{Work: "encode", Shape: "10+4", Size: 1 << 10, Bytes: 10 << 10, Ours: 100, Peer: 321, Small: 250},
		{Work: "encode", Shape: "10+4", Size: 64, Bytes: 640, Ours: 1, Peer: 1},
	}}
	settings := measure.Settings{Rounds: 1, Round: time.Microsecond}
	grid, err := measureGrid(settings, true, regexp.MustCompile(`^(encode|one lost) 10\+4 64 B$`), old)
	if err != nil {
		t.Fatal(err)
	}
	if len(grid.Lines) != 3 {
		t.Fatalf("%d lines, want the old one and two new ones: %+v", len(grid.Lines), grid.Lines)
	}
	for _, l := range grid.Lines {
		if l.Ours <= 0 || l.Peer <= 0 || l.Small <= 0 || l.Bytes <= 0 {
			t.Errorf("%+v is not measured", l)
		}
	}
	if err := grid.write(charts); err != nil {
		t.Fatal(err)
	}
	read, err := readGrid(charts)
	if err != nil {
		t.Fatal(err)
	}
	if err := read.charts(charts); err != nil {
		t.Fatal(err)
	}
	if err := writeReport(&Results{Machine: thisMachine()}, dir); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "REPORT.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"## Few and many shards", "3.21", "2.50", "grid.png"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("REPORT.md does not have %q", want)
		}
	}
	if _, err := os.Stat(filepath.Join(charts, "grid.png")); err != nil {
		t.Error(err)
	}
}
