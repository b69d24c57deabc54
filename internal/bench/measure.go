package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// pipelines compares jobs per second with a bare loop: the one and the other by
// turns, since the machine may be half as quick a moment later.
func (b *bench) pipelines(ctx context.Context) error {
	rounds := 3
	if b.short {
		rounds = 1
	}
	fmt.Printf("\n%-28s %12s %12s %8s %12s\n", "two requests a job", "bare jobs/s", "jobs/s", "ratio", "CPU µs/job")
	for _, c := range []struct{ ms, flight, jobs int }{{0, 64, 60_000}, {10, 64, 20_000}, {10, 256, 40_000}} {
		if err := b.latency(ctx, c.ms); err != nil {
			return err
		}
		if b.short {
			c.jobs /= 4
		}
		var bares, rates, ratios, cpus []float64
		for range rounds {
			bare, err := b.bare(ctx, c.flight, c.jobs/2)
			if err != nil {
				return err
			}
			rate, cpu, err := b.pipeline(ctx, c.flight, c.jobs)
			if err != nil {
				return err
			}
			after, err := b.bare(ctx, c.flight, c.jobs/2)
			if err != nil {
				return err
			}
			bare = (bare + after) / 2
			bares, rates, ratios, cpus = append(bares, bare), append(rates, rate), append(ratios, rate/bare), append(cpus, cpu)
		}
		bare, ratio := median(bares), median(ratios)
		name := fmt.Sprintf("%d ms API, %d in flight", c.ms, c.flight)
		note := ""
		if c.ms == 0 && bare < 15_000 {
			note = "  INVALID: the bare loop is below 15,000/s, the machine is busy"
		}
		fmt.Printf("%-28s %12.0f %12.0f %8.2f %12.0f   %.2f to %.2f%s\n", name, bare, median(rates), ratio, median(cpus), slices.Min(ratios), slices.Max(ratios), note)
		b.result["ratio "+name] = ratio
	}
	return b.latency(ctx, 0)
}

// median is the middle one.
func median(of []float64) float64 {
	return slices.Sorted(slices.Values(of))[len(of)/2]
}

// bare sends the requests of n jobs, flight at a time, with nothing around.
func (b *bench) bare(ctx context.Context, flight, n int) (perSecond float64, err error) {
	var next atomic.Int64
	var group sync.WaitGroup
	failed := make(chan error, flight)
	body := []byte(`{"observation":"` + strings.Repeat("x", 900) + `"}`)
	began := time.Now()
	for range flight {
		group.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				if err := b.job(ctx, i, body); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	group.Wait()
	select {
	case err := <-failed:
		return 0, err
	default:
		return float64(n) / time.Since(began).Seconds(), nil
	}
}

func (b *bench) job(ctx context.Context, i int64, body []byte) error {
	list := fmt.Sprintf("http://%s/api/applied-controls/autocomplete/?limit=2&ref_id=AC-%d", b.api, i)
	if err := b.exchange(ctx, http.MethodGet, list, nil); err != nil {
		return err
	}
	return b.exchange(ctx, http.MethodPatch, fmt.Sprintf("http://%s/api/applied-controls/%08x-0000-4000-8000-000000000000/", b.api, i), body)
}

func (b *bench) exchange(ctx context.Context, method, url string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Token t")
	resp, err := b.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// pipeline measures the dispatcher between a tenth and the end of n jobs: the
// rate, and the processor time that a job costs in its process, microseconds.
func (b *bench) pipeline(ctx context.Context, flight, n int) (perSecond, cpu float64, err error) {
	return b.work(ctx, n, func(s *stage) error { return s.start(b.api, fmt.Sprint("CONCURRENCY=", flight)) })
}

// work measures a stage that begin has begun.
func (b *bench) work(ctx context.Context, n int, begin func(*stage) error) (perSecond, cpu float64, err error) {
	s, err := b.stage(ctx, n, 1024)
	if err != nil {
		return 0, 0, err
	}
	defer s.close()
	before, err := b.count(ctx)
	if err != nil {
		return 0, 0, err
	}
	if err := begin(s); err != nil {
		return 0, 0, err
	}
	reach := func(jobs int) (time.Time, int64, error) {
		var got int64
		err := b.wait(ctx, func() bool {
			c, err := b.count(ctx)
			got = c.Patches - before.Patches
			return err == nil && got >= int64(jobs)
		})
		return time.Now(), got, err
	}
	from, first, err := reach(n / 10)
	if err != nil {
		return 0, 0, err
	}
	ticks := cpuTicks(s.cmd.Process.Pid)
	to, last, err := reach(n)
	used := float64(cpuTicks(s.cmd.Process.Pid)-ticks) * 1e4
	return float64(last-first) / to.Sub(from).Seconds(), used / float64(last-first), err
}

// nobody is an address that refuses: the API is away, so that only ingest works.
const nobody = "127.0.0.1:1"

// ingest measures how fast messages become durable jobs, what a full read-ahead
// costs, and how soon work goes on after a kill.
func (b *bench) ingest(ctx context.Context) error {
	const n = 100_000
	s, err := b.stage(ctx, n, 1024)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.start(nobody); err != nil {
		return err
	}
	var first int64
	if err := b.wait(ctx, func() bool { first = s.cursor(ctx); return first > 0 }); err != nil {
		return err
	}
	began := time.Now()
	// Asking starts a process, which costs what is being measured: seldom.
	for s.cursor(ctx) < n && ctx.Err() == nil {
		time.Sleep(200 * time.Millisecond)
	}
	rate := float64(n-first) / time.Since(began).Seconds()
	fmt.Printf("\nsynced ingest, 1 KiB           %8.0f messages/s\n", rate)
	b.result["ingest per second"] = rate
	if b.short {
		return nil
	}
	time.Sleep(3 * time.Second)
	_, soon := memory(s.cmd.Process.Pid)
	time.Sleep(12 * time.Second) // JetStream keeps written blocks in memory for 10 s
	rss, anon := memory(s.cmd.Process.Pid)
	fmt.Printf("read-ahead full (100,000)      %8.0f MiB RssAnon, %.0f MiB VmRSS, 15 s after; %.0f MiB RssAnon 3 s after\n", anon, rss, soon)
	s.kill()
	before, err := b.count(ctx)
	if err != nil {
		return err
	}
	began = time.Now()
	if err := s.start(b.api); err != nil {
		return err
	}
	err = b.wait(ctx, func() bool { c, err := b.count(ctx); return err == nil && c.Patches > before.Patches })
	fmt.Printf("kill -9, then first job after  %8.2f s\n", time.Since(began).Seconds())
	b.result["rssanon full MiB"], b.result["restart s"] = anon, time.Since(began).Seconds()
	return err
}

// idle measures the way of a lone message, and an idle process.
func (b *bench) idle(ctx context.Context) error {
	s, err := b.stage(ctx, 1, 1024)
	if err != nil {
		return err
	}
	defer s.close()
	before, err := b.count(ctx)
	if err != nil {
		return err
	}
	if err := s.start(b.api); err != nil {
		return err
	}
	seen := before.Patches
	next := func() (counted, error) {
		var c counted
		err := b.wait(ctx, func() bool { c, _ = b.count(ctx); return c.Patches > seen })
		seen = c.Patches
		return c, err
	}
	if _, err := next(); err != nil {
		return err
	}
	time.Sleep(2 * time.Second)
	rss, _ := memory(s.cmd.Process.Pid)
	cpu := cpuTicks(s.cmd.Process.Pid)
	time.Sleep(3 * time.Second)
	busy := float64(cpuTicks(s.cmd.Process.Pid)-cpu) / 3 // ticks of 10 ms a second: percent of a core
	var took []time.Duration
	for i := 2; i < 302; i++ {
		began := time.Now()
		if err := s.kafka.ProduceTo(ctx, "observation", 0, message(i, 1024)); err != nil {
			return err
		}
		c, err := next()
		if err != nil {
			return err
		}
		took = append(took, time.Unix(0, c.Last).Sub(began))
	}
	slices.Sort(took)
	p50, p99 := took[len(took)/2], took[len(took)*99/100]
	fmt.Printf("idle, produce to PATCH         %8.1f ms p50, %.1f ms p99\n", ms(p50), ms(p99))
	fmt.Printf("idle process                   %8.0f MiB VmRSS, %.1f %% of a core\n", rss, busy)
	b.result["idle p50 ms"], b.result["idle p99 ms"], b.result["idle rss MiB"] = ms(p50), ms(p99), rss
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// memory reads VmRSS and RssAnon of a process, in MiB.
func memory(pid int) (rss, anon float64) {
	content, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(content)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kib, _ := strconv.ParseFloat(fields[1], 64)
		switch fields[0] {
		case "VmRSS:":
			rss = kib / 1024
		case "RssAnon:":
			anon = kib / 1024
		}
	}
	return rss, anon
}

// cpuTicks reads the processor time of a process, in hundredths of a second.
func cpuTicks(pid int) int {
	content, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	fields := strings.Fields(string(content[bytes.LastIndexByte(content, ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return user + system
}
