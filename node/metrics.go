package node

import (
	"math"
	"runtime"
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/redstuff-go/redstuff/gf"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/inventory"
	"github.com/redstuff-go/redstuff/node/peer"
)

// register has metrics read from the parts of the node.
func register(r *prometheus.Registry, n *Node, counters *peer.ByteCounters) {
	watch := func(name, help string, value func() float64) {
		r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "redstuff_" + name, Help: help}, value))
	}
	gauge := func(name, help string, value func() float64) {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "redstuff_" + name, Help: help}, value))
	}
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	r.MustRegister(buildInfo())
	s := n.config.Store
	stored := func(of func(inventory.Totals) int64) func() float64 {
		return func() float64 {
			if t, ok := n.inventory.Totals(); ok {
				return float64(of(t))
			}
			return math.NaN() // nothing has been counted yet
		}
	}
	gauge("stored_blobs", "Blobs of which the store has something, as of the last count.", stored(func(t inventory.Totals) int64 { return t.Blobs }))
	gauge("stored_certified_blobs", "Certified blobs of those, as of the last count.", stored(func(t inventory.Totals) int64 { return t.Certified }))
	gauge("stored_slivers", "Slivers in the store, as of the last count.", stored(func(t inventory.Totals) int64 { return t.Slivers }))
	gauge("stored_bytes", "Bytes of slivers in the store, as of the last count.", stored(func(t inventory.Totals) int64 { return t.Bytes }))
	watch("stored_counts_total", "Complete counts of the store.", func() float64 { return float64(n.inventory.Counts()) })
	gauge("disk_free_bytes", "Bytes that are free on the store's disk.", func() float64 {
		if free, ok := s.Free(); ok {
			return float64(free)
		}
		return math.NaN()
	})
	gauge("disk_room_bytes", "Bytes that can be stored: those that are free on the disk but for the reserve.", func() float64 {
		if room, ok := s.Room(); ok {
			return float64(room)
		}
		return math.NaN()
	})
	gauge("store_failed", "1 if the store has failed: the process has to be started again.", func() float64 { return number(s.Failed() != nil) })
	gauge("ready", "1 if the node takes requests, see /ready.", func() float64 { return number(Ready(n) == "") })
	heal := n.healer.Totals
	watch("heal_blobs_total", "Blobs of which slivers were recovered.", func() float64 { return float64(heal().Blobs) })
	watch("heal_slivers_total", "Slivers recovered.", func() float64 { return float64(heal().Slivers) })
	watch("heal_restored_bytes_total", "Bytes of slivers recovered.", func() float64 { return float64(heal().Restored) })
	watch("heal_received_bytes_total", "Bytes of symbols and proofs received to recover slivers.",
		func() float64 { return float64(heal().SymbolBytes + heal().ProofBytes) })
	watch("heal_metadata_bytes_total", "Bytes of metadata received to recover slivers.",
		func() float64 { return float64(heal().MetadataBytes) })
	watch("heal_whole_blob_bytes_total", "Bytes that a one-dimensional code would have received to recover the same slivers.",
		func() float64 { return float64(heal().WholeBlob) })
	watch("heal_bad_sources_total", "Wrong symbols whose sender was named.", func() float64 { return float64(heal().Lies) })
	gauge("heal_missing_slivers", "Slivers that the node knows it lacks.", func() float64 { return float64(n.healer.Lacking()) })
	gauge("heal_no_room_bytes", "Bytes of slivers that are not recovered because the disk has no room for them.",
		func() float64 { return float64(n.healer.NoRoom()) })
	gauge("healthy", "1 if the node has all it should have, as far as it knows.", func() float64 { return number(n.State() == api.StateHealthy) })
	watch("scrub_bytes_total", "Bytes the scrubber has read.", func() float64 { return float64(n.scrubber.Totals().Bytes) })
	watch("scrub_passes_total", "Complete passes of the scrubber.", func() float64 { return float64(n.scrubber.Totals().Passes) })
	watch("scrub_corrupt_total", "Corrupt slivers the scrubber has found.", func() float64 { return float64(n.scrubber.Totals().Corrupt) })
	watch("peer_received_bytes_total", "Bytes received on connections to other nodes.", func() float64 { return float64(counters.Received.Load()) })
	watch("peer_sent_bytes_total", "Bytes sent on connections to other nodes.", func() float64 { return float64(counters.Sent.Load()) })
	if l := n.ledger; l != nil {
		watch("collected_blobs_total", "Blobs removed because their storage ended.", func() float64 { return float64(l.collector.Removed()) })
		gauge("ledger_settled_epoch", "Last epoch whose committee is known to have its shards.",
			func() float64 { return float64(l.follower.View().Holders()[0].Epoch()) })
		moved := n.migrator.Progress
		watch("migrate_copied_bytes_total", "Bytes copied of shards that moved to the node.", func() float64 { return float64(moved().Bytes) })
		watch("migrate_copied_slivers_total", "Slivers copied of shards that moved to the node.", func() float64 { return float64(moved().Slivers) })
		watch("migrate_bad_sources_total", "Nodes that gave wrong slivers of shards that moved.", func() float64 { return float64(moved().Lies) })
		watch("migrate_given_up_total", "Nodes that gave no slivers in time of shards that moved.", func() float64 { return float64(moved().GivenUp) })
		watch("migrate_dropped_shards_total", "Shards dropped that moved to others.", func() float64 { return float64(moved().Dropped) })
		gauge("migrate_lacking_slivers", "Slivers of shards that moved which nobody gave.", func() float64 { return float64(moved().Lacking) })
		gauge("migrate_blobs_left", "Blobs of which slivers are still to be copied, at most.", func() float64 {
			p := moved()
			return float64(max(0, p.Total-p.Blobs))
		})
		gauge("ledger_epoch", "Epoch of the ledger as the node knows it.", func() float64 { return float64(l.follower.View().Current.Epoch()) })
	}
	r.MustRegister(&problemCollector{n.Problems})
}

func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// buildInfo is a metric whose labels say what was built, from what, and what it runs on.
func buildInfo() prometheus.Collector {
	labels := prometheus.Labels{"version": "(devel)", "revision": "", "go": runtime.Version(), "backend": gf.Backends()[0]}
	if info, ok := debug.ReadBuildInfo(); ok {
		if labels["version"] = info.Main.Version; info.Main.Version == "" {
			labels["version"] = "(devel)"
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				labels["revision"] = s.Value
			}
		}
	}
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "redstuff_build_info", Help: "1. The labels say what was built, and which instruction set codes.", ConstLabels: labels,
	})
	g.Set(1)
	return g
}
