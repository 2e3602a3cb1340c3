package load

import (
	"reflect"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/node/client"
)

// TestBreakdowns has one row for blobs of about one size, writes and small ones first.
func TestBreakdowns(t *testing.T) {
	var b breakdowns
	if got := b.list(); len(got) != 0 {
		t.Errorf("%+v of nothing", got)
	}
	of := func(steps map[client.Step]time.Duration) *stepTimes { return &stepTimes{steps: steps} }
	const ms = time.Millisecond
	b.add(Read, 5, 4*ms, of(map[client.Step]time.Duration{client.StepCheck: ms, client.StepSlivers: 2 * ms}))
	b.add(Write, 1<<20, 30*ms, of(map[client.Step]time.Duration{client.StepUpload: 20 * ms, client.StepEncode: 10 * ms}))
	b.add(Write, 1<<20-7, 10*ms, of(map[client.Step]time.Duration{client.StepUpload: 10 * ms}))
	b.add(Write, 1000, ms, of(nil))
	b.add(Write, 1000, ms, nil) // nobody has looked
	want := []Breakdown{
		{Kind: "write", Bytes: 1000, Count: 1, Total: 1},
		{Kind: "write", Bytes: 1 << 20, Count: 2, Total: 20, Steps: []StepTime{{"encode", 5, 1}, {"upload", 15, 2}}},
		{Kind: "read", Bytes: 5, Count: 1, Total: 4, Steps: []StepTime{{"slivers", 2, 1}, {"check", 1, 1}}},
	}
	if got := b.list(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
