# frozen_string_literal: true

module Karafka
  module Instrumentation
    # What of a backtrace goes to the log: where it was raised, and the application's own lines. Rails' backtrace cleaner decides
    # where there is one. KARAFKA_BACKTRACE=1 keeps everything.
    # @api private
    module Backtrace
      # Lines where nothing is the application's. Of this gem's own errors its text says what is wrong, not the way there.
      MOST = 20
      # An endless recursion has 10,000 lines of the application's.
      LONGEST = 60
      private_constant :MOST, :LONGEST

      class << self
        # @param error [Exception]
        # @return [Array<String>]
        def of(error)
          all = Text.backtrace(error)
          return all if ENV["KARAFKA_BACKTRACE"] == "1" || all.empty?

          shown = shown(error, all)
          return shortened(shown, all.size) if shown.size > LONGEST

          left_out = all.size - shown.size
          left_out.positive? ? shown + ["(#{Amount.of(left_out, "line")} of gems and Ruby left out, KARAFKA_BACKTRACE=1 shows all)"] : shown
        end

        private

        # Its beginning and its end, with where it was called.
        def shortened(lines, size)
          left_out = size - LONGEST
          [*lines.first(LONGEST / 2), "(#{Amount.of(left_out, "line")} left out, KARAFKA_BACKTRACE=1 shows all)", *lines.last(LONGEST / 2)]
        end

        def shown(error, all)
          own = cleaned(all)
          return all.first(error.is_a?(Errors::BaseError) ? 1 : MOST) if own.empty?

          # Where it was raised is the first of them, or a gem's.
          cleaned(all.first(1)).empty? ? [all.first, *own] : own
        end

        def cleaned(lines)
          return Rails.backtrace_cleaner.clean(lines) if defined?(Rails) && Rails.respond_to?(:backtrace_cleaner)

          lines.reject { |line| line.start_with?(*foreign) || line.start_with?("<internal:") }
        end

        # This gem, the other ones, and Ruby's own library. An application may be below one of them only where it is in the gem's
        # repository, as its specs and examples are.
        def foreign
          @foreign ||= begin
            ruby = RbConfig::CONFIG.values_at("rubylibdir", "vendordir", "sitedir")
            gems = Gem.path + Gem.loaded_specs.values.map(&:full_gem_path).reject { |path| path == gem_root }
            [File.join(gem_root, "lib"), File.join(gem_root, "exe"), *ruby, *gems].compact.map { |path| File.join(Text.readable(path), "") }
          end
        end

        def gem_root
          @gem_root ||= File.expand_path("../../..", __dir__)
        end
      end
    end
  end
end
