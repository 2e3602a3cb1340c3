package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/redstuff-go/redstuff/bench/internal/peer"
	"github.com/redstuff-go/redstuff/bench/internal/work"
	"github.com/redstuff-go/redstuff/commit"
)

// tables writes what was measured into a document.
type tables struct {
	*Results
	*document
}

func (t tables) mustShow() {
	t.paragraph("## What it must show")
	var rows [][]string
	group, counts := "", map[string]int{}
	for _, l := range t.lines() {
		if l.group != group {
			group = l.group
			rows = append(rows, []string{"**" + group + "**", "", "", "", "", "", "", ""})
		}
		counts[l.verdict]++
		verdict := l.verdict
		if verdict == short {
			verdict = "**short**"
		}
		rows = append(rows, []string{l.part, timeName(l.oursNs), timeName(l.peerNs) + " " + l.against,
			digits(l.ratio) + "×", digits(l.medians) + "×", wanted(l.least), wanted(l.aim), verdict})
	}
	t.paragraph("%d lines reach their aim, %d more what they must, and %d fall short of it.", counts[metAim], counts[metLeast], counts[short])
	t.table([]string{"work", ">ours", ">peer", ">ratio", ">of medians", ">at least", ">aim", "verdict"}, rows)
	t.paragraph("The ratio is that of the fastest rounds, and beside it that of the median ones. On several cores klauspost's best setting counts: as it is (its Leopard codes run on one goroutine), " +
		"with the shards cut into one range a core (split), or into ranges of 4 KiB (split-4K); what is asked for there is asked of four cores, and of a number of cores in proportion where a code is compared with itself. RedStuff encodes, decodes and recovers blob after blob in the same memory here; the tables below also have encoding and decoding with fresh memory.")
	t.chart("goals", "Ratios of all lines beside what they must reach")
}

// wanted writes a ratio that is asked for, or a dash if none is.
func wanted(ratio float64) string {
	if ratio == 0 {
		return told
	}
	return fmt.Sprintf("%.3g×", ratio)
}

// rate writes a measurement's throughput, or a dash if there is none.
func (t tables) rate(keys ...Key) string {
	if m := t.fastest(keys...); m != nil {
		return rateName(m.Throughput())
	}
	return "–"
}

// time writes a measurement's time, or a dash if there is none.
func (t tables) time(k Key) string {
	if m := t.find(k); m != nil {
		return timeName(m.Best())
	}
	return "–"
}

// share writes what part of a bound on throughput a measurement reaches.
func (t tables) share(k Key, bound float64, known bool) string {
	if m := t.find(k); m != nil && known {
		return fmt.Sprintf("%.0f %%", 100*m.Throughput()/bound)
	}
	return "–"
}

func (t tables) onedim() {
	t.paragraph("## One dimension")
	t.paragraph("The compute bound counts the butterflies of an encode at 1.40 ns for 128 bytes of work, on one core. " +
		"The memory bound moves every byte of data and parity once at 30 GB/s, and concerns shards that do not fit into the caches.")
	for _, s := range slices.Concat(shapes, others) {
		var rows [][]string
		for _, size := range shardSizes {
			key := Key{encode1D, s.String(), size, 1, redstuff, ""}
			if t.find(key) == nil {
				continue
			}
			many := key
			many.Cores = t.Machine.Cores
			fresh, seen := key, key
			fresh.Work, fresh.How = decode1D, work.LargestNew.Name
			seen.Work, seen.How = decode1D, work.LargestSeen.Name
			bound, known := peer.EncodeBound(s.String())
			total := s.Total() * size
			memory := float64(s.Data*size) / peer.MemoryBound(total) * 1e9
			rows = append(rows, []string{bytesName(size),
				t.rate(key), t.rate(by(key, klauspost)), t.share(key, bound, known), t.share(key, memory, total > 32<<20),
				t.rate(many), t.rate(by(many, manyCores[1].Name), by(many, manyCores[2].Name)),
				t.rate(fresh), t.rate(seen), t.rate(by(fresh, klauspost))})
		}
		t.paragraph("### %v", s)
		t.table([]string{">shard", ">encode", ">klauspost", ">of compute bound", ">of memory bound",
			fmt.Sprintf(">%d cores", t.Machine.Cores), ">klauspost, split", ">decode, new pattern", ">seen pattern", ">klauspost"}, rows)
	}
	t.chart("encode1d-667+333", "Encoding over the size of a shard, 667+333")
	t.chart("encode1d-334+666", "Encoding over the size of a shard, 334+666")
	t.chart("decode1d-667+333", "Decoding over the size of a shard, 667+333")
	t.chart("decode1d-334+666", "Decoding over the size of a shard, 334+666")

	t.paragraph("### One shard lost")
	var rows [][]string
	for _, s := range shapes {
		for _, size := range []int{1 << 10, 16 << 10} {
			key := Key{decode1D, s.String(), size, 1, redstuff, work.OneNew.Name}
			seen := key
			seen.How = work.OneSeen.Name
			rows = append(rows, []string{s.String(), bytesName(size), t.time(key), t.time(seen), t.time(by(key, klauspost))})
		}
	}
	t.table([]string{"shape", ">shard", ">new pattern", ">seen pattern", ">klauspost"}, rows)

	key := Key{encode1D, shapes[1].String(), 152, 1, work.RS2.Name, ""}
	fresh, seen := key, key
	fresh.Work, fresh.How = decode1D, work.LargestNew.Name
	seen.Work, seen.How = decode1D, work.LargestSeen.Name
	t.paragraph("Shards of any even size (RS2): at 152 bytes, %v, one core encodes %s, and decodes %s at a new pattern and %s at one seen before.",
		shapes[1], t.rate(key), t.rate(fresh), t.rate(seen))
}

func (t tables) twodim() {
	t.paragraph("## RedStuff")
	t.paragraph("The compute bound is for one core and BLAKE3: the butterflies of all rows and columns, n² leaves at 7.1 GB/s and 2n² inner nodes at 9.5 ns.")
	one, many := 1, t.Machine.Cores
	for _, n := range []int{10, 100, manyShards} {
		var rows [][]string
		for _, scheme := range schemes {
			for _, size := range blobSizes {
				key := func(work string, cores int) Key {
					return Key{work, codeName(n), size, cores, redstuff, scheme.String()}
				}
				if t.find(key(encode2D, one)) == nil {
					continue
				}
				bound, earlier, allocs := "–", "–", "–"
				if n == manyShards && scheme == commit.BLAKE3 {
					params, _ := commit.NewParams(n)
					if symbol, err := params.SymbolSize(uint64(size)); err == nil {
						least := peer.RedStuffBound(symbol)
						bound = fmt.Sprintf("%s, %.0f %%", timeName(least), 100*least/t.find(key(encode2D, one)).Best())
					}
				}
				if ns := t.walrus(encode2D, "", size); n == manyShards && ns > 0 {
					earlier = timeName(ns) + " / " + timeName(t.walrus(id2D, "", size))
				}
				if m := t.find(key(encode2D, one)); m != nil {
					allocs = fmt.Sprintf("%.0f", m.Allocs)
				}
				rows = append(rows, []string{scheme.String(), bytesName(size), t.time(key(encode2D, one)), t.rate(key(encode2D, one)), bound,
					t.time(key(encode2D, many)), t.time(key(fresh2D, one)), t.time(key(fresh2D, many)),
					t.time(key(id2D, one)), t.time(key(id2D, many)), earlier, allocs})
			}
		}
		t.paragraph("### Encode and id, n = %d", n)
		columns := fmt.Sprintf(">encode|>throughput|>bound, share|>%d cores|>fresh memory|>… %d cores|>id|>… %d cores|>walrus-core encode / id, scaled|>allocations", many, many, many)
		t.table(append([]string{"scheme", ">blob"}, strings.Split(columns, "|")...), rows)
	}
	t.chart("redstuff", "Time to encode and commit over the size of the blob")

	t.paragraph("### Decode, n = %d, BLAKE3, from random slivers", manyShards)
	var rows [][]string
	for _, axis := range []string{"primary", "secondary"} {
		for _, check := range []string{checkNone, "systematic", checkStrict} {
			how := axis + ", " + check
			for _, size := range blobSizes {
				key := Key{decode2D, codeName(manyShards), size, one, redstuff, how}
				if t.find(key) == nil {
					continue
				}
				on, fresh := key, key
				on.Cores, fresh.Work = many, freshDecode
				earlier := "–"
				if ns := t.walrus(decode2D, how, size); ns > 0 {
					earlier = timeName(ns)
				}
				rows = append(rows, []string{axis, check, bytesName(size), t.time(key), t.rate(key), t.time(fresh), t.time(on), earlier})
			}
		}
	}
	t.table([]string{"slivers", "check", ">blob", ">one core", ">throughput", ">fresh memory", fmt.Sprintf(">%d cores", many), ">walrus-core, scaled"}, rows)

	t.paragraph("### Recover one sliver pair, n = %d, 32 MiB, one core", manyShards)
	rows = nil
	for _, scheme := range schemes {
		key := func(work, how string) string {
			return t.time(Key{work, recoverCode(scheme), 32 << 20, one, redstuff, how})
		}
		rows = append(rows, []string{scheme.String(), key(recover2D, withProofs), key(recover2D, trusting),
			timeName(t.walrus(recover2D, withProofs, 32<<20)), key(help2D, trusting), key(help2D, withProofs)})
	}
	t.table([]string{"scheme", ">pair, proofs verified", ">pair, roots only", ">walrus-core, proofs verified, scaled", ">helper: a symbol", ">helper: with its proof"}, rows)

	t.squares()
}

func (t tables) squares() {
	const width = squareWidth
	size := width * width * work.ShareSize
	var rows [][]string
	for _, who := range append(squareEngines[:], redstuff) {
		name := who
		if who == redstuff {
			name = fmt.Sprintf("RedStuff, n = %d, BLAKE3", 2*width)
		}
		key := func(work string) Key {
			return Key{work, fmt.Sprintf("width %d", width), size, t.Machine.Cores, who, ""}
		}
		rows = append(rows, []string{name, t.rate(key(extend)), t.rate(key(repair))})
	}
	t.paragraph("### Beside rsmt2d: %s as %d × %d shares, all cores", bytesName(size), width, width)
	t.paragraph("rsmt2d extends to four times the data and hashes with SHA-256; RedStuff, with as many rows and columns, to 4.5 times. " +
		"Repair starts from a quarter of the square; RedStuff's from as many random primary slivers as it takes, with the strict check.")
	t.table([]string{"", ">extend + roots", ">repair"}, rows)
}

func (t tables) hashing() {
	t.paragraph("## Hashing, one core")
	t.paragraph("Nanoseconds a message, a thousand messages at a time. The bound is 64 bytes of BLAKE3 at 7.1 GB/s.")
	var rows [][]string
	for _, size := range hashSizes {
		row := []string{bytesName(size)}
		for _, scheme := range schemes {
			for _, who := range []string{redstuff, libraries[scheme]} {
				row = append(row, t.perMessage(Key{hashLeaves, scheme.String(), size, 1, who, ""}))
			}
		}
		rows = append(rows, slices.Insert(row, 3, digits(peer.HashBound(size))))
	}
	node := []string{"inner node"}
	for _, scheme := range schemes {
		node = append(node, t.perMessage(Key{hashNodes, scheme.String(), 64, 1, redstuff, ""}),
			t.perMessage(Key{hashLeaves, scheme.String(), 64, 1, libraries[scheme], ""}))
	}
	rows = append(rows, slices.Insert(node, 3, digits(peer.HashBound(64))))
	t.table([]string{">message", ">BLAKE3", ">zeebo", ">bound", ">Blake2b-256", ">x/crypto"}, rows)
	t.chart("hash", "Time to hash a message over its size")
}

// perMessage writes the nanoseconds of one message.
func (t tables) perMessage(k Key) string {
	if m := t.find(k); m != nil {
		return digits(m.Best() / float64(work.Messages(k.Size)))
	}
	return "–"
}

func (t tables) instructionSets() {
	t.paragraph("## Instruction sets, one core")
	var rows [][]string
	s := shapes[1].String()
	for _, name := range t.Machine.Backends {
		how := "backend " + name
		row := []string{name}
		for _, size := range []int{64, 1 << 10, 16 << 10} {
			row = append(row, t.rate(Key{encode1D, s, size, 1, redstuff, how}))
		}
		row = append(row, t.rate(Key{decode1D, s, 1 << 10, 1, redstuff, how}))
		for _, scheme := range schemes {
			row = append(row, t.perMessage(Key{hashLeaves, scheme.String(), 152, 1, redstuff, how}),
				t.perMessage(Key{hashNodes, scheme.String(), 64, 1, redstuff, how}))
		}
		rows = append(rows, append(row, t.time(Key{encode2D, codeName(manyShards), 32 << 20, 1, redstuff, how})))
	}
	t.table([]string{"backend", ">encode " + s + ", 64 B", ">1 KiB", ">16 KiB", ">decode, 1 KiB", ">BLAKE3 leaf of 152 B, ns", ">node, ns",
		">Blake2b leaf, ns", ">node, ns", ">RedStuff encode, n = 1000, 32 MiB"}, rows)
	if len(t.Machine.Backends) > 1 {
		t.chart("backends", "Speed beside pure Go by instruction set")
	}
}

func (t tables) manyCores() {
	var columns []string
	var rows [][]string
	for _, key := range scaled {
		row := []string{scaledName(key)}
		columns = []string{"work"}
		for _, m := range t.scaling(key) {
			columns = append(columns, fmt.Sprintf(">%d", m.Cores))
			row = append(row, rateName(m.Throughput()))
		}
		rows = append(rows, row)
	}
	t.paragraph("## Cores")
	t.table(columns, rows)
	t.chart("cores", "Speed-up over the number of cores")
}

func scaledName(key Key) string {
	return fmt.Sprintf("%s, %s, %s", key.Work, key.Code, bytesName(key.Size))
}

func (t tables) resident() {
	t.paragraph("## Memory, n = %d, BLAKE3, %d cores", manyShards, t.Machine.Cores)
	t.paragraph("Peak of resident memory (VmHWM) of a process that does nothing else, and what of it is neither the blob, the process before, nor the result. The streamed blob is read from a source of zeros, and its slivers go nowhere.")
	var rows [][]string
	for _, m := range t.Memory {
		rows = append(rows, []string{m.Work, bytesName(m.Size), mebibytes(m.Peak), mebibytes(m.Base), mebibytes(m.Output), mebibytes(m.Peak - m.Base - m.Output)})
	}
	t.table([]string{"work", ">blob", ">peak, MiB", ">before, with the blob", ">result", ">working memory"}, rows)
}

func mebibytes(n int) string { return fmt.Sprintf("%.1f", float64(n)/(1<<20)) }

// whereTimeGoes writes the profiles of the lines that fall short of their aim.
func (t tables) whereTimeGoes() {
	var rows [][]string
	for _, l := range t.lines() {
		at := slices.IndexFunc(t.Profiles, func(p Profile) bool { return p.Key == l.ours })
		if at < 0 || l.verdict == metAim || l.verdict == told {
			continue
		}
		var functions []string
		for _, f := range t.Profiles[at].Functions {
			functions = append(functions, fmt.Sprintf("%s %.0f %%", f.Name, 100*f.Share))
		}
		rows = append(rows, []string{l.label + ": " + l.part, digits(l.ratio) + "× of " + digits(l.aim) + "×", strings.Join(functions, ", ")})
	}
	if len(rows) == 0 {
		return
	}
	t.paragraph("## Where the time goes, in lines short of their aim")
	t.paragraph("Each function's own time, by the processor's profile of a second.")
	t.table([]string{"work", ">ratio", "functions"}, rows)
}
