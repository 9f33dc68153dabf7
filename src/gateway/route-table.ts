import type { FastifyInstance } from 'fastify';

/** The routes that were declared, by the paths that reach them. */
export interface RouteTable {
  /** Takes note of every route that is declared from now on. */
  watch(app: FastifyInstance): void;
  /** The methods that reach this path, with or without a query; none where no route has it. */
  methodsOf(path: string): readonly string[];
  /** Its route as it was declared, `/api/jobs/:id`: without what a caller has put there. */
  patternOf(path: string): string | undefined;
}

interface Route {
  readonly method: string;
  readonly pattern: string;
  readonly path: RegExp;
}

/** An empty table. */
export function openRouteTable(): RouteTable {
  const routes: Route[] = [];
  const find = (path: string): readonly Route[] => {
    const bare = path.replace(/\?.*$/s, '');
    const found = routes.filter((route) => route.path.test(bare));
    // The one that has these very words comes first, as it does for the router.
    return [...found].sort((a, b) => Number(b.pattern === bare) - Number(a.pattern === bare));
  };
  return {
    watch: (app) => {
      app.addHook('onRoute', ({ method, url: pattern }) => {
        const path = toRegExp(pattern);
        for (const one of [method].flat()) routes.push({ method: one, pattern, path });
      });
    },
    methodsOf: (path) => [...new Set(find(path).map(({ method }) => method))],
    patternOf: (path) => find(path)[0]?.pattern,
  };
}

function toRegExp(pattern: string): RegExp {
  const source = pattern
    .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
    .replace(/:\w+/g, '[^/]+')
    .replaceAll('*', '.*');
  return new RegExp(`^${source}$`);
}
