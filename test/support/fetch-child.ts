/**
 * A fetch in a process of its own, so that it can be killed: `node fetch-child.ts URL OPTIONS`, the options as
 * JSON. Prints the report.
 *
 * @module
 */
import { openHttpStore } from '../../src/store/http.ts';
import { type FetchRequest, fetchRelease } from './release-repository.ts';

const [url = '', options = '{}'] = process.argv.slice(2);
const store = openHttpStore(url);
const report = await fetchRelease(store, JSON.parse(options) as FetchRequest);
await store.close();
console.log(JSON.stringify(report));
