package main

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// traced are the system calls that change files, or make changes durable.
const traced = "openat,write,pwrite64,lseek,fsync,fdatasync,ftruncate,rename,renameat,renameat2,unlink,unlinkat"

// call is one system call that succeeded, or was cut off. began and ended count
// lines of the trace: what ended before another one began came before it.
type call struct {
	name         string
	args         string
	result       string
	began, ended int
	cut          bool // the kill came before its end: all, some or none of it was done
}

// readTrace reads what strace -f wrote, in the order of ending; last come the
// calls that the kill has cut off.
func readTrace(path string, fn func(call) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	open := make(map[string]call) // by thread
	for n := 1; ; n++ {
		line, err := r.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return cutOff(open, n, fn)
		}
		if err != nil {
			return err
		}
		thread, text, _ := strings.Cut(strings.TrimRight(line, "\n"), " ")
		text = strings.TrimLeft(text, " ")
		switch {
		case strings.HasSuffix(text, "<unfinished ...>"):
			name, args, _ := strings.Cut(strings.TrimSuffix(text, "<unfinished ...>"), "(")
			open[thread] = call{name: name, args: args, began: n}
			continue
		case strings.HasPrefix(text, "<... "):
			c := open[thread]
			delete(open, thread)
			_, rest, _ := strings.Cut(text, " resumed>")
			c.args += rest
			err = pass(c, n, fn)
		default:
			name, args, _ := strings.Cut(text, "(")
			err = pass(call{name: name, args: args, began: n}, n, fn)
		}
		if err != nil {
			return fmt.Errorf("trace line %d: %w", n, err)
		}
	}
}

// cutOff passes the calls that never ended.
func cutOff(open map[string]call, ended int, fn func(call) error) error {
	for thread, c := range open {
		c.ended, c.cut = ended, true
		if err := fn(c); err != nil {
			return fmt.Errorf("the last call of %s: %w", thread, err)
		}
	}
	return nil
}

func pass(c call, ended int, fn func(call) error) error {
	at := strings.LastIndex(c.args, "= ")
	if at < 0 {
		return nil // a signal
	}
	args, closed := strings.CutSuffix(strings.TrimRight(c.args[:at], " "), ")")
	c.args, c.result, c.ended = args, c.args[at+2:], ended
	if !closed || strings.HasPrefix(c.result, "-1") {
		return nil // what failed
	}
	c.cut = strings.HasPrefix(c.result, "?")
	return fn(c)
}

// descriptor reads `7</path>` and returns the number, the path and the rest.
func descriptor(args string) (fd, path, rest string) {
	fd, after, _ := strings.Cut(args, "<")
	path, rest, _ = strings.Cut(after, ">")
	return fd, unhex(path), strings.TrimPrefix(rest, ", ")
}

// quoted reads `"\x41\x42"` and returns the bytes and the rest.
func quoted(args string) (content []byte, rest string) {
	_, after, _ := strings.Cut(args, `"`)
	text, rest, _ := strings.Cut(after, `"`)
	return []byte(unhex(text)), strings.TrimPrefix(strings.TrimPrefix(rest, "..."), ", ")
}

// named reads `7</dir>, "\x41"`, a name that may be relative to a directory.
func named(args string) (path, rest string) {
	_, dir, _ := descriptor(args)
	name, rest := quoted(args)
	if !filepath.IsAbs(string(name)) {
		return filepath.Join(dir, string(name)), rest
	}
	return string(name), rest
}

// unhex decodes `\x41\x42`.
func unhex(text string) string {
	b, err := hex.DecodeString(strings.ReplaceAll(text, `\x`, ""))
	if err != nil {
		return text
	}
	return string(b)
}

func number(text string) int64 {
	end := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' })
	if end >= 0 {
		text = text[:end]
	}
	n, _ := strconv.ParseInt(text, 10, 64)
	return n
}
