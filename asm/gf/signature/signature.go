// Package signature lists the kernels of package gf and their parameters, once for the
// generators of all instruction sets and for the declarations they write.
package signature

import "strings"

const (
	forward = "dst, src unsafe.Pointer, half, dist, groups, t int, tab unsafe.Pointer"
	inverse = "dst, src unsafe.Pointer, half, dist, groups, t, add int, tab unsafe.Pointer"
	product = "dst, src unsafe.Pointer, n int, c Elem, tab unsafe.Pointer"
	encode  = "dsts *[]byte, m int, srcs *[]byte, k, base, off, n int, from, to, tab unsafe.Pointer"
)

var parameters = map[string]string{
	"fft2":      forward,
	"fft4":      forward,
	"fft8":      forward,
	"ifft2":     inverse,
	"ifft4":     inverse,
	"ifft8":     inverse,
	"ifft8from": "dst unsafe.Pointer, half, groups, t int, srcs *[]byte, off, more int, tab unsafe.Pointer",
	"fft8to":    "dsts *[]byte, off, more int, src unsafe.Pointer, half, groups, t, stream int, tab unsafe.Pointer",
	"fence":     "",
	"pass8":     "args pass8Args, tab unsafe.Pointer",
	"encode2":   encode,
	"encode4":   encode,
	"encode8":   encode,
	"encode16":  encode,
	"turn":      "rows unsafe.Pointer, half, count int, tab unsafe.Pointer",
	"scale":     "dst, src unsafe.Pointer, half, rows int, coeffs *Elem, tab unsafe.Pointer",
	"mul":       product,
	"mulAdd":    product,
	"dot":       "dst unsafe.Pointer, srcs *[]byte, off, n int, coeffs *Elem, count int, tab unsafe.Pointer",
	"spread":    "dsts *[]byte, off, n int, src unsafe.Pointer, coeffs *Elem, count int, tab unsafe.Pointer",
	"pack":      "dst unsafe.Pointer, half int, srcs *[]byte, rows, off, step, size, count int",
	"unpack":    "dsts *[]byte, rows, off, step, size, count int, src unsafe.Pointer, half int",
	"xor":       "dst, src unsafe.Pointer, n int",
	"sum":       "dst unsafe.Pointer, srcs *[]byte, count, off, n int",
}

// Of returns the parameters of a kernel in package gf.
func Of(kernel string) string {
	p, ok := parameters[kernel]
	if !ok {
		panic("no kernel is named " + kernel)
	}
	return p
}

// Plain returns the parameters in types that need no package, and with pass8Args field by
// field.
func Plain(kernel string) string {
	const fields = "args_dst, args_src *byte, args_half, args_dist, args_groups, args_live, args_t, " +
		"args_sum, args_keep, args_factor, args_out, args_u int, args_list *byte, args_offset, args_each, args_left int"
	return strings.NewReplacer("unsafe.Pointer", "*byte", "*[]byte", "*byte", "args pass8Args", fields, "Elem", "uint16").Replace(Of(kernel))
}
