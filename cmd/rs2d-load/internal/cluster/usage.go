package cluster

import (
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// usageEvery is the time between two looks at what a process uses.
const usageEvery = 500 * time.Millisecond

// Usage is what a node process has used so far, and uses.
type Usage struct {
	CPU    float64 `json:"cpu_seconds"`
	Memory int64   `json:"memory_bytes"` // resident, where the system says so; else of Go's heap
	Taken  int64   `json:"taken_bytes"`  // of bodies of requests
	Served int64   `json:"served_bytes"` // of answers
}

// meter looks at what this process uses, now and then.
type meter struct {
	metrics *prometheus.Registry
	last    time.Time
	usage   Usage
	refused Refused
}

// Refused is how many messages of a node others did not take in the last challenge.
type Refused struct {
	Epoch uint32 `json:"epoch"` // 0 if there was none
	Count int64  `json:"count"`
}

// look returns what is used, as of a moment ago.
func (m *meter) look() Usage {
	if time.Since(m.last) < usageEvery {
		return m.usage
	}
	m.last = time.Now()
	var heap runtime.MemStats
	runtime.ReadMemStats(&heap)
	m.usage.Memory = int64(heap.HeapInuse)
	families, err := m.metrics.Gather()
	if err != nil {
		return m.usage // some of it is there, and the rest is as it was
	}
	for _, f := range families {
		if f.GetName() == "redstuff_challenge_refused_in_round" {
			for _, one := range f.GetMetric() { // there is one label, the epoch
				epoch, err := strconv.ParseUint(one.GetLabel()[0].GetValue(), 10, 32)
				if err == nil && uint32(epoch) >= m.refused.Epoch {
					m.refused = Refused{uint32(epoch), int64(one.GetGauge().GetValue())}
				}
			}
		}
		if len(f.GetMetric()) != 1 {
			continue
		}
		one := f.GetMetric()[0]
		switch f.GetName() {
		case "process_cpu_seconds_total":
			m.usage.CPU = one.GetCounter().GetValue()
		case "process_resident_memory_bytes":
			m.usage.Memory = int64(one.GetGauge().GetValue())
		case "redstuff_received_bytes_total":
			m.usage.Taken = int64(one.GetCounter().GetValue())
		case "redstuff_sent_bytes_total":
			m.usage.Served = int64(one.GetCounter().GetValue())
		}
	}
	return m.usage
}
