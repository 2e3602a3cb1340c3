package heal

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/redstuff-go/redstuff/node/discover"
)

func TestLogOfPasses(t *testing.T) {
	var b bytes.Buffer
	h := New(Config{Logger: slog.New(slog.NewTextHandler(&b, nil))})
	for _, test := range []struct {
		report Report
		err    error
		want   string // nothing, if it is empty
	}{
		{Report{}, nil, ""},
		{Report{Slivers: 2}, nil, "level=INFO msg=healed "},
		{Report{Slivers: 2, Failed: 1}, nil, "level=WARN msg=\"healed in part\""},
		{Report{}, discover.ErrBlind, "error=\"discover: too few peers"},
	} {
		b.Reset()
		h.log(test.report, test.err)
		got := b.String()
		if !strings.Contains(got, test.want) || (got == "") != (test.want == "") || strings.Contains(got, "nil") {
			t.Errorf("%v, %v: %s", test.report, test.err, got)
		}
	}
}

func TestHealthOfIdleHealer(t *testing.T) {
	if !New(Config{Interval: -1}).Healthy() {
		t.Error("who looks only when asked lacks nothing that it knows of")
	}
	if New(Config{Interval: 1}).Healthy() {
		t.Error("healthy before the first look")
	}
}
