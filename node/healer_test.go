package node

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/redstuff-go/redstuff/node/discover"
	"github.com/redstuff-go/redstuff/node/heal"
)

func TestLogOfRounds(t *testing.T) {
	var b bytes.Buffer
	h := &Healer{log: slog.New(slog.NewTextHandler(&b, nil))}
	for _, test := range []struct {
		report heal.Report
		err    error
		want   string // nothing, if it is empty
	}{
		{heal.Report{}, nil, ""},
		{heal.Report{Slivers: 2}, nil, "level=INFO msg=healed "},
		{heal.Report{Slivers: 2, Failed: 1}, nil, "level=WARN msg=\"healed in part\""},
		{heal.Report{}, discover.ErrBlind, "error=\"discover: too few peers"},
	} {
		b.Reset()
		h.tell(test.report, test.err)
		got := b.String()
		if !strings.Contains(got, test.want) || (got == "") != (test.want == "") || strings.Contains(got, "nil") {
			t.Errorf("%v, %v: %s", test.report, test.err, got)
		}
	}
}
