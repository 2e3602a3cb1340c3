package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/redstuff-go/redstuff/bench/internal/peer"
	"github.com/redstuff-go/redstuff/bench/internal/work"
	"github.com/redstuff-go/redstuff/commit"
)

// rate writes a measurement's throughput, or a dash if there is none.
func (r *Results) rate(keys ...Key) string {
	if m := r.fastest(keys...); m != nil {
		return rateName(m.Throughput())
	}
	return "–"
}

// time writes a measurement's time, or a dash if there is none.
func (r *Results) time(k Key) string {
	if m := r.find(k); m != nil {
		return timeName(m.Best())
	}
	return "–"
}

// share writes what part of a bound on throughput a measurement reaches.
func (r *Results) share(k Key, bound float64, known bool) string {
	if m := r.find(k); m != nil && known {
		return fmt.Sprintf("%.0f %%", 100*m.Throughput()/bound)
	}
	return "–"
}

func (r *Results) onedim(d *document) {
	d.paragraph("## One dimension")
	d.paragraph("The compute bound counts the butterflies of an encode at 1.40 ns for 128 bytes of work, on one core. " +
		"The memory bound moves every byte of data and parity once at 30 GB/s, and concerns shards that do not fit into the caches.")
	for _, s := range slices.Concat(shapes, others) {
		var rows [][]string
		for _, size := range shardSizes {
			key := Key{encode1D, s.String(), size, 1, redstuff, ""}
			if r.find(key) == nil {
				continue
			}
			many := key
			many.Cores = r.Machine.Cores
			fresh, seen := key, key
			fresh.Work, fresh.How = decode1D, work.LargestNew.Name
			seen.Work, seen.How = decode1D, work.LargestSeen.Name
			bound, known := peer.EncodeBound(s.String())
			total := s.Total() * size
			memory := float64(s.Data*size) / peer.MemoryBound(total) * 1e9
			rows = append(rows, []string{bytesName(size),
				r.rate(key), r.rate(by(key, klauspost)), r.share(key, bound, known), r.share(key, memory, total > 32<<20),
				r.rate(many), r.rate(by(many, manyCores[1].Name), by(many, manyCores[2].Name)),
				r.rate(fresh), r.rate(seen), r.rate(by(fresh, klauspost))})
		}
		d.paragraph("### %v", s)
		d.table([]string{">shard", ">encode", ">klauspost", ">of compute bound", ">of memory bound",
			fmt.Sprintf(">%d cores", r.Machine.Cores), ">klauspost, split", ">decode, new pattern", ">seen pattern", ">klauspost"}, rows)
	}
	d.chart("encode1d-667+333", "Encoding over the size of a shard, 667+333")
	d.chart("encode1d-334+666", "Encoding over the size of a shard, 334+666")
	d.chart("decode1d-667+333", "Decoding over the size of a shard, 667+333")
	d.chart("decode1d-334+666", "Decoding over the size of a shard, 334+666")

	d.paragraph("### One shard lost")
	var rows [][]string
	for _, s := range shapes {
		for _, size := range []int{1 << 10, 16 << 10} {
			key := Key{decode1D, s.String(), size, 1, redstuff, work.OneNew.Name}
			seen := key
			seen.How = work.OneSeen.Name
			rows = append(rows, []string{s.String(), bytesName(size), r.time(key), r.time(seen), r.time(by(key, klauspost))})
		}
	}
	d.table([]string{"shape", ">shard", ">new pattern", ">seen pattern", ">klauspost"}, rows)

	key := Key{encode1D, shapes[1].String(), 152, 1, work.RS2.Name, ""}
	fresh, seen := key, key
	fresh.Work, fresh.How = decode1D, work.LargestNew.Name
	seen.Work, seen.How = decode1D, work.LargestSeen.Name
	d.paragraph("Shards of any even size (RS2): at 152 bytes, %v, one core encodes %s, and decodes %s at a new pattern and %s at one seen before.",
		shapes[1], r.rate(key), r.rate(fresh), r.rate(seen))
}

func (r *Results) twodim(d *document) {
	d.paragraph("## RedStuff")
	d.paragraph("The compute bound is for one core and BLAKE3: the butterflies of all rows and columns, n² leaves at 7.1 GB/s and 2n² inner nodes at 9.5 ns.")
	one, many := 1, r.Machine.Cores
	for _, n := range []int{10, 100, manyShards} {
		var rows [][]string
		for _, scheme := range schemes {
			for _, size := range blobSizes {
				key := func(work string, cores int) Key {
					return Key{work, codeName(n), size, cores, redstuff, scheme.String()}
				}
				if r.find(key(encode2D, one)) == nil {
					continue
				}
				bound, earlier, allocs := "–", "–", "–"
				if n == manyShards && scheme == commit.BLAKE3 {
					params, _ := commit.NewParams(n)
					if symbol, err := params.SymbolSize(uint64(size)); err == nil {
						least := peer.RedStuffBound(symbol)
						bound = fmt.Sprintf("%s, %.0f %%", timeName(least), 100*least/r.find(key(encode2D, one)).Best())
					}
				}
				if ns := walrus(encode2D, "", size); n == manyShards && ns > 0 {
					earlier = timeName(ns) + " / " + timeName(walrus(id2D, "", size))
				}
				if m := r.find(key(encode2D, one)); m != nil {
					allocs = fmt.Sprintf("%.0f", m.Allocs)
				}
				rows = append(rows, []string{scheme.String(), bytesName(size), r.time(key(encode2D, one)), r.rate(key(encode2D, one)), bound,
					r.time(key(encode2D, many)), r.time(key(fresh2D, one)), r.time(key(fresh2D, many)),
					r.time(key(id2D, one)), r.time(key(id2D, many)), earlier, allocs})
			}
		}
		d.paragraph("### Encode and id, n = %d", n)
		columns := fmt.Sprintf(">encode|>throughput|>bound, share|>%d cores|>fresh memory|>… %d cores|>id|>… %d cores|>walrus-core encode / id, earlier|>allocations", many, many, many)
		d.table(append([]string{"scheme", ">blob"}, strings.Split(columns, "|")...), rows)
	}
	d.chart("redstuff", "Time to encode and commit over the size of the blob")

	d.paragraph("### Decode, n = %d, BLAKE3, from random slivers", manyShards)
	var rows [][]string
	for _, axis := range []string{"primary", "secondary"} {
		for _, check := range []string{checkNone, "systematic", checkStrict} {
			how := axis + ", " + check
			for _, size := range blobSizes {
				key := Key{decode2D, codeName(manyShards), size, one, redstuff, how}
				if r.find(key) == nil {
					continue
				}
				on, fresh := key, key
				on.Cores, fresh.Work = many, freshDecode
				earlier := "–"
				if ns := walrus(decode2D, how, size); ns > 0 {
					earlier = timeName(ns)
				}
				rows = append(rows, []string{axis, check, bytesName(size), r.time(key), r.rate(key), r.time(fresh), r.time(on), earlier})
			}
		}
	}
	d.table([]string{"slivers", "check", ">blob", ">one core", ">throughput", ">fresh memory", fmt.Sprintf(">%d cores", many), ">walrus-core, earlier"}, rows)

	d.paragraph("### Recover one sliver pair, n = %d, 32 MiB, one core", manyShards)
	rows = nil
	for _, scheme := range schemes {
		key := func(work, how string) string {
			return r.time(Key{work, recoverCode(scheme), 32 << 20, one, redstuff, how})
		}
		rows = append(rows, []string{scheme.String(), key(recover2D, withProofs), key(recover2D, trusting),
			timeName(float64(peer.Walrus.RecoverPair.Nanoseconds())), key(help2D, trusting), key(help2D, withProofs)})
	}
	d.table([]string{"scheme", ">pair, proofs verified", ">pair, roots only", ">walrus-core, proofs verified, earlier", ">helper: a symbol", ">helper: with its proof"}, rows)

	r.squares(d)
}

func (r *Results) squares(d *document) {
	const width = squareWidth
	size := width * width * work.ShareSize
	var rows [][]string
	for _, who := range append(squareEngines[:], redstuff) {
		name := who
		if who == redstuff {
			name = fmt.Sprintf("RedStuff, n = %d, BLAKE3", 2*width)
		}
		key := func(work string) Key {
			return Key{work, fmt.Sprintf("width %d", width), size, r.Machine.Cores, who, ""}
		}
		rows = append(rows, []string{name, r.rate(key(extend)), r.rate(key(repair))})
	}
	d.paragraph("### Beside rsmt2d: %s as %d × %d shares, all cores", bytesName(size), width, width)
	d.paragraph("rsmt2d extends to four times the data and hashes with SHA-256; RedStuff, with as many rows and columns, to 4.5 times. " +
		"Repair starts from a quarter of the square; RedStuff's from as many random primary slivers as it takes, with the strict check.")
	d.table([]string{"", ">extend + roots", ">repair"}, rows)
}

func (r *Results) hashing(d *document) {
	d.paragraph("## Hashing, one core")
	d.paragraph("Nanoseconds a message, a thousand messages at a time. The bound is 64 bytes of BLAKE3 at 7.1 GB/s.")
	var rows [][]string
	for _, size := range hashSizes {
		row := []string{bytesName(size)}
		for _, scheme := range schemes {
			for _, who := range []string{redstuff, libraries[scheme]} {
				row = append(row, r.perMessage(Key{hashLeaves, scheme.String(), size, 1, who, ""}))
			}
		}
		rows = append(rows, slices.Insert(row, 3, digits(peer.HashBound(size))))
	}
	node := []string{"inner node"}
	for _, scheme := range schemes {
		node = append(node, r.perMessage(Key{hashNodes, scheme.String(), 64, 1, redstuff, ""}),
			r.perMessage(Key{hashLeaves, scheme.String(), 64, 1, libraries[scheme], ""}))
	}
	rows = append(rows, slices.Insert(node, 3, digits(peer.HashBound(64))))
	d.table([]string{">message", ">BLAKE3", ">zeebo", ">bound", ">Blake2b-256", ">x/crypto"}, rows)
	d.chart("hash", "Time to hash a message over its size")
}

// perMessage writes the nanoseconds of one message.
func (r *Results) perMessage(k Key) string {
	if m := r.find(k); m != nil {
		return digits(m.Best() / float64(work.Messages(k.Size)))
	}
	return "–"
}

func (r *Results) instructionSets(d *document) {
	d.paragraph("## Instruction sets, one core")
	var rows [][]string
	s := shapes[1].String()
	for _, name := range r.Machine.Backends {
		how := "backend " + name
		row := []string{name}
		for _, size := range []int{64, 1 << 10, 16 << 10} {
			row = append(row, r.rate(Key{encode1D, s, size, 1, redstuff, how}))
		}
		row = append(row, r.rate(Key{decode1D, s, 1 << 10, 1, redstuff, how}))
		for _, scheme := range schemes {
			row = append(row, r.perMessage(Key{hashLeaves, scheme.String(), 152, 1, redstuff, how}),
				r.perMessage(Key{hashNodes, scheme.String(), 64, 1, redstuff, how}))
		}
		rows = append(rows, append(row, r.time(Key{encode2D, codeName(manyShards), 32 << 20, 1, redstuff, how})))
	}
	d.table([]string{"backend", ">encode " + s + ", 64 B", ">1 KiB", ">16 KiB", ">decode, 1 KiB", ">BLAKE3 leaf of 152 B, ns", ">node, ns",
		">Blake2b leaf, ns", ">node, ns", ">RedStuff encode, n = 1000, 32 MiB"}, rows)
	if len(r.Machine.Backends) > 1 {
		d.chart("backends", "Speed beside pure Go by instruction set")
	}
}

func (r *Results) manyCores(d *document) {
	var columns []string
	var rows [][]string
	for _, key := range scaled {
		row := []string{scaledName(key)}
		columns = []string{"work"}
		for _, m := range r.scaling(key) {
			columns = append(columns, fmt.Sprintf(">%d", m.Cores))
			row = append(row, rateName(m.Throughput()))
		}
		rows = append(rows, row)
	}
	d.paragraph("## Cores")
	d.table(columns, rows)
	d.chart("cores", "Speed-up over the number of cores")
}

// scaling returns the measurements of a work on 1, 2, … cores.
func (r *Results) scaling(key Key) []Measurement {
	var list []Measurement
	for _, m := range r.Measured {
		k := m.Key
		k.Cores = 0
		if k == key {
			list = append(list, m)
		}
	}
	slices.SortFunc(list, func(a, b Measurement) int { return a.Cores - b.Cores })
	return list
}

func scaledName(key Key) string {
	return fmt.Sprintf("%s, %s, %s", key.Work, key.Code, bytesName(key.Size))
}

func (r *Results) resident(d *document) {
	d.paragraph("## Memory, n = %d, BLAKE3, %d cores", manyShards, r.Machine.Cores)
	d.paragraph("Peak of resident memory (VmHWM) of a process that does nothing else, and what of it is neither the blob, the process before, nor the result. The streamed blob is read from a source of zeros, and its slivers go nowhere.")
	var rows [][]string
	for _, m := range r.Memory {
		rows = append(rows, []string{m.Work, bytesName(m.Size), mebibytes(m.Peak), mebibytes(m.Base), mebibytes(m.Output), mebibytes(m.Peak - m.Base - m.Output)})
	}
	d.table([]string{"work", ">blob", ">peak, MiB", ">before, with the blob", ">result", ">working memory"}, rows)
}

func mebibytes(n int) string { return fmt.Sprintf("%.1f", float64(n)/(1<<20)) }
