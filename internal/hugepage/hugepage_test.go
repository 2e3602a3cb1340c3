package hugepage

import "testing"

func TestMake(t *testing.T) {
	for _, n := range []int{0, 1, least - 1, least, least + 12345, 5 * least} {
		b := Make(n)
		if len(b) != n {
			t.Fatalf("Make(%d) has %d bytes", n, len(b))
		}
		for i := 0; i < n; i += 4096 {
			if b[i] != 0 {
				t.Fatalf("Make(%d) is not zero at %d", n, i)
			}
			b[i] = 1
		}
	}
}
