// Package metrics is /metrics: what the process tells Prometheus.
//
// Two kinds: the present state, which is asked for when somebody scrapes
// ([State]), and events, which are counted when they happen ([Metrics.Ended],
// [Metrics.Step], [Metrics.Request]). Events lie on a job's path: every child
// that they need is made before, and nothing is allocated.
//
// Labels are bounded: types, codes, states, routes, steps and reasons come from
// lists in the code, and whatever is on none of them is "other". Ids, keys and
// names of workers never are labels.
package metrics
